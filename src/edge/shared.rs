//! What all connections share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::connections::Connections;
use crate::active::ActiveConfig;
use crate::exchange::Services;

/// What all connections share.
pub(crate) struct Shared {
    /// What requests that begin now are judged by.
    pub(crate) active: ArcSwap<ActiveConfig>,
    pub(crate) services: Services,
    pub(crate) connections: Arc<Connections>,
    /// Whether the server has begun to stop.
    pub(crate) shutdown: watch::Receiver<bool>,
}
