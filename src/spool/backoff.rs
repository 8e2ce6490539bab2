//! When an event is tried again.

use std::time::Duration;

use rand::Rng;

const FIRST: Duration = Duration::from_secs(1);
/// With the most that is added by chance, five minutes.
const LONGEST: Duration = Duration::from_secs(240);
/// The most that an app may ask for. An app that says more is asked again after this.
pub(super) const LONGEST_ASKED: Duration = Duration::from_secs(3_600);

/// The pause after so many failures in a row, from 1 s to 5 min: doubled each time, and up to a quarter more by
/// chance, so that events that failed together do not come back together.
pub(super) fn pause(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(doublings));
    let pause = doubled.min(LONGEST);
    let more = rand::thread_rng().gen_range(0.0..=0.25);
    pause.saturating_add(pause.mul_f64(more))
}

/// The pause after so many failures, and no shorter than the app asks for.
pub(super) fn pause_as_asked(failures: u32, asked: Option<Duration>) -> Duration {
    pause(failures).max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_a_second_to_five_minutes() {
        for (failures, least) in [
            (1, 1),
            (2, 2),
            (3, 4),
            (8, 128),
            (9, 240),
            (10, 240),
            (u32::MAX, 240),
        ] {
            let least = Duration::from_secs(least);
            for _ in 0..100 {
                let pause = pause(failures);
                assert!(
                    (least..=least.mul_f64(1.25)).contains(&pause),
                    "{failures}: {pause:?}"
                );
            }
        }
    }

    #[test]
    fn an_app_may_ask_for_more_and_not_for_less() {
        let asked = |seconds| pause_as_asked(1, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(100), Duration::from_secs(100));
        assert!(asked(0) >= FIRST);
        assert_eq!(asked(1_000_000), LONGEST_ASKED);
    }
}
