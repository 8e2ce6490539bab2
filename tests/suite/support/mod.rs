//! What every suite uses: the real binary, a real receiving app, raw clients, and signatures made by
//! other code than the program's.

pub(crate) mod app;
pub(crate) mod client;
pub(crate) mod http2;
pub(crate) mod http2_app;
pub(crate) mod known;
pub(crate) mod protocol;
pub(crate) mod proxy;
pub(crate) mod route;
pub(crate) mod sign;
pub(crate) mod upgrade;

use std::time::Duration;

/// How long anything may take before a test fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` gives a value, by asking again and again.
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let began = std::time::Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(began.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::yield_now();
    }
}
