//! Claims in a Redis or Valkey that several processes share. (Placeholder.)

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::failures::Failures;
use super::store::{Claim, Claiming, End, Store, StoreError};
use crate::config::RedisConfig;
use crate::verify::Timestamp;

pub(super) struct RedisStore {
    config: RedisConfig,
}

impl RedisStore {
    pub(super) fn new(config: RedisConfig, _failures: Arc<Failures>) -> Self {
        Self { config }
    }
}

impl Store for RedisStore {
    fn claim(&self, _claim: Claim, _now: Timestamp) -> Claiming<'_> {
        Claiming::Asked(Box::pin(async { Err(StoreError::Slow) }))
    }

    fn end(&self, _claim: Claim, _end: End) -> Option<oneshot::Receiver<()>> {
        None
    }

    fn patience(&self) -> Duration {
        self.config.timeout
    }
}

pub(super) struct Keeper {
    stores: watch::Receiver<Option<Arc<RedisStore>>>,
}

impl Keeper {
    pub(super) fn new(
        stores: watch::Receiver<Option<Arc<RedisStore>>>,
        _failures: Arc<Failures>,
    ) -> Self {
        Self { stores }
    }

    pub(super) async fn run(mut self) {
        while self.stores.changed().await.is_ok() {}
        std::future::pending().await
    }
}
