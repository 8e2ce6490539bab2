//! What time it is, for what is stored: a value, so that tests can let days pass.

use std::sync::Arc;
use std::time::SystemTime;

use crate::verify::Timestamp;

/// Says what time it is.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's.
    pub(crate) fn of_system() -> Self {
        Self(Arc::new(|| Timestamp::from(SystemTime::now())))
    }

    /// Another.
    #[cfg(test)]
    pub(crate) fn of(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }
}
