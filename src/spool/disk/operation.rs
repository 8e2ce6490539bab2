//! What the thread that writes is asked for.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::held::Key;
use super::shared::Shared;
use crate::spool::event::Event;
use crate::spool::store::{self, StoreError};

pub(super) enum Operation {
    Put(Put),
    End(End),
    /// What was read of the database of this generation is damaged.
    Damaged {
        generation: u64,
        reason: String,
    },
    /// This is the last one.
    Close,
}

/// An event to be stored.
pub(super) struct Put {
    pub(super) event: Event,
    pub(super) answer: oneshot::Sender<Result<Kept, StoreError>>,
    /// Its place among those that wait.
    pub(super) _place: OwnedSemaphorePermit,
}

/// The end of an attempt to be written.
pub(super) struct End {
    pub(super) key: Key,
    pub(super) route: Arc<str>,
    pub(super) end: store::End,
    pub(super) answer: Option<oneshot::Sender<Result<(), StoreError>>>,
}

/// An event that was stored, and whose sender is still to be told. Dropping it takes the event out again.
pub(super) struct Kept {
    shared: Arc<Shared>,
    key: Key,
    route: Arc<str>,
    is_wanted: bool,
}

impl Kept {
    pub(super) fn new(shared: &Arc<Shared>, key: Key, route: &Arc<str>) -> Self {
        Self {
            shared: Arc::clone(shared),
            key,
            route: Arc::clone(route),
            is_wanted: false,
        }
    }

    /// Its sender learns of it: from now on it can be delivered.
    pub(super) fn confirm(mut self) {
        self.is_wanted = true;
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.is_wanted {
            self.shared.free(self.key, &self.route);
        } else {
            self.shared
                .end(self.key, &self.route, store::End::Delivered, None);
        }
    }
}
