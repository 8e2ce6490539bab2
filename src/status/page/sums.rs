//! Counts added up: of minutes, of routes, and of what came since the start.

use std::collections::BTreeMap;

use super::super::snapshot::{MINUTES, Minute, Route, Snapshot};

/// How many there were of each kind.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) verified: u64,
    pub(super) rejected: u64,
    pub(super) unenforced: u64,
    pub(super) app_ok: u64,
    pub(super) app_failed: u64,
    pub(super) app_refused: u64,
}

impl From<&Minute> for Sum {
    fn from(minute: &Minute) -> Self {
        Self {
            verified: minute.verified.into(),
            rejected: minute.rejected.into(),
            unenforced: minute.unenforced.into(),
            app_ok: minute.app_ok.into(),
            app_failed: minute.app_failed.into(),
            app_refused: minute.app_refused.into(),
        }
    }
}

impl Sum {
    pub(super) fn of(minutes: &[Minute]) -> Self {
        let minutes = minutes.iter().map(Self::from);
        minutes.fold(Self::default(), Self::and)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            verified: self.verified.saturating_add(other.verified),
            rejected: self.rejected.saturating_add(other.rejected),
            unenforced: self.unenforced.saturating_add(other.unenforced),
            app_ok: self.app_ok.saturating_add(other.app_ok),
            app_failed: self.app_failed.saturating_add(other.app_failed),
            app_refused: self.app_refused.saturating_add(other.app_refused),
        }
    }

    /// How often the app was asked.
    pub(super) fn app_asked(&self) -> u64 {
        self.app_ok.saturating_add(self.app_failed)
    }

    /// Requests that the app got, whether they verified or not.
    pub(super) fn let_through(&self) -> u64 {
        self.verified.saturating_add(self.unenforced)
    }

    /// Whether there was no request at all.
    pub(super) fn is_empty(&self) -> bool {
        self.let_through() == 0 && self.rejected == 0 && self.app_asked() == 0
    }
}

/// The last so many minutes, the one that is not over among them.
pub(super) fn last(minutes: &[Minute], many: usize) -> &[Minute] {
    let from = minutes.len().saturating_sub(many);
    minutes.get(from..).unwrap_or_default()
}

/// The last minute that is over; the one that runs where nothing came before it, as in a process's first minute.
pub(super) fn present(minutes: &[Minute]) -> Sum {
    let Some((running, over)) = minutes.split_last() else {
        return Sum::default();
    };
    let is_first = over.iter().all(|minute| *minute == Minute::default());
    let minute = if is_first { Some(running) } else { over.last() };
    minute.map_or_else(Sum::default, |minute| Sum::of(&[*minute]))
}

/// The minutes of several routes, added up.
pub(super) fn together<'a>(routes: impl Iterator<Item = &'a [Minute]>) -> Vec<Minute> {
    let mut newest_first: Vec<Minute> = Vec::new();
    for minutes in routes {
        let minutes = last(minutes, MINUTES);
        if newest_first.len() < minutes.len() {
            newest_first.resize(minutes.len(), Minute::default());
        }
        for (sum, minute) in newest_first.iter_mut().zip(minutes.iter().rev()) {
            for (sum, count) in [
                (&mut sum.verified, minute.verified),
                (&mut sum.rejected, minute.rejected),
                (&mut sum.unenforced, minute.unenforced),
                (&mut sum.app_ok, minute.app_ok),
                (&mut sum.app_failed, minute.app_failed),
                (&mut sum.app_refused, minute.app_refused),
            ] {
                *sum = sum.saturating_add(count);
            }
        }
    }
    newest_first.reverse();
    newest_first
}

/// What was counted of a route since the start.
pub(super) fn since_start(route: &Route) -> Sum {
    Sum {
        verified: route.verified,
        rejected: all(&route.rejected),
        unenforced: all(&route.unenforced),
        app_ok: route.app.ok,
        app_failed: route.app.failed,
        app_refused: 0,
    }
}

/// What was counted of all routes since the start, and of what had none.
pub(super) fn of_process(snapshot: &Snapshot) -> Sum {
    let unrouted = Sum {
        rejected: all(&snapshot.unrouted),
        ..Sum::default()
    };
    let routes = snapshot.routes.iter().map(since_start);
    routes.fold(unrouted, Sum::and)
}

fn all(by_reason: &BTreeMap<&'static str, u64>) -> u64 {
    let counts = by_reason.values().copied();
    counts.fold(0, u64::saturating_add)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A minute with so many of each.
    pub(in super::super) fn minute(verified: u32, rejected: u32, app_failed: u32) -> Minute {
        Minute {
            verified,
            rejected,
            app_failed,
            ..Minute::default()
        }
    }

    #[test]
    fn the_present_is_the_last_minute_that_is_over() {
        assert_eq!(present(&[minute(7, 1, 0), minute(2, 0, 0)]).verified, 7);
        assert_eq!(
            present(&[minute(7, 1, 0), minute(0, 0, 0), minute(2, 0, 0)]).verified,
            0
        );
        assert_eq!(present(&[minute(0, 0, 0), minute(2, 0, 0)]).verified, 2);
        assert_eq!(present(&[]).verified, 0);
    }

    #[test]
    fn routes_add_up_from_their_ends() {
        let sum =
            together([&[minute(1, 0, 0), minute(2, 0, 0)][..], &[minute(5, 1, 1)]].into_iter());
        assert_eq!(sum, [minute(1, 0, 0), minute(7, 1, 1)]);
    }
}
