//! Limits for log lines that senders and apps cause: a flood of forgeries must not flood the log.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// How many lines of one kind are logged a second and route.
const LINES_PER_SECOND: u32 = 20;

/// The limits of one route.
#[derive(Debug, Default)]
pub struct LogLimits {
    /// Requests that were refused.
    pub refused: LogLimit,
    /// Requests that were let through without proof.
    pub unenforced: LogLimit,
    /// Answers of the app that say that it failed.
    pub app_failed: LogLimit,
    /// Requests whose answer did not reach the sender whole.
    pub forwarding_failed: LogLimit,
    /// Requests that were stored.
    pub spooled: LogLimit,
    /// Stored events that the app took.
    pub delivered: LogLimit,
    /// Those that it did not take.
    pub delivery_failed: LogLimit,
    /// Those that it will not take.
    pub dead_letter: LogLimit,
}

impl LogLimits {
    /// Starts a new second, and logs how many lines of the last one were left out.
    pub fn next_second(&self, route: &str) {
        for (limit, event) in [
            (&self.refused, "refused_omitted"),
            (&self.unenforced, "unenforced_omitted"),
            (&self.app_failed, "app_failed_omitted"),
            (&self.forwarding_failed, "forwarding_failed_omitted"),
            (&self.spooled, "spooled_omitted"),
            (&self.delivered, "delivered_omitted"),
            (&self.delivery_failed, "delivery_failed_omitted"),
            (&self.dead_letter, "dead_letter_omitted"),
        ] {
            let count = limit.next_second();
            if count > 0 {
                tracing::warn!(
                    event,
                    route,
                    count,
                    "more happened in the last second than is logged; the metrics count all"
                );
            }
        }
    }
}

/// Lets the first lines of each second pass, and counts the others.
#[derive(Debug, Default)]
pub struct LogLimit {
    this_second: AtomicU32,
    omitted: AtomicU64,
}

impl LogLimit {
    /// Whether this line is to be logged; counts it if not.
    pub fn allows(&self) -> bool {
        let before = self
            .this_second
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                Some(count.saturating_add(1))
            });
        let is_allowed = before.is_ok_and(|before| before < LINES_PER_SECOND);
        if !is_allowed {
            self.omitted.fetch_add(1, Ordering::Relaxed);
        }
        is_allowed
    }

    /// Starts a new second; returns how many lines the last one left out.
    fn next_second(&self) -> u64 {
        self.this_second.store(0, Ordering::Relaxed);
        self.omitted.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_to_twenty_a_second_and_counted() {
        let limit = LogLimit::default();
        let logged = (0..1_000).filter(|_| limit.allows()).count();
        assert_eq!(logged, 20);
        assert_eq!(limit.next_second(), 980);
        assert!(limit.allows());
        assert_eq!(limit.next_second(), 0);
    }
}
