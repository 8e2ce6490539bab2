//! An event that this process makes an attempt for.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::held::Key;
use super::rows;
use super::shared::{Shared, ended};
use crate::handoff::Stored;
use crate::spool::store::{Answer, End, Info, Lease, StoreError};

/// Holds an event until its attempt has ended, or this is dropped.
pub(super) struct Guard {
    shared: Arc<Shared>,
    key: Key,
    route: Arc<str>,
    is_ended: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.is_ended {
            self.shared.free(self.key, &self.route);
        }
    }
}

impl Guard {
    /// The lease, once it is known of which event.
    pub(super) fn of(self, info: Info) -> DiskLease {
        DiskLease { guard: self, info }
    }
}

pub(super) struct DiskLease {
    guard: Guard,
    info: Info,
}

impl DiskLease {
    /// Of an event that was leased just now.
    pub(super) fn guard(shared: &Arc<Shared>, key: Key, route: &Arc<str>) -> Guard {
        Guard {
            shared: Arc::clone(shared),
            key,
            route: Arc::clone(route),
            is_ended: false,
        }
    }
}

impl Lease for DiskLease {
    fn info(&self) -> &Info {
        &self.info
    }

    fn load(&self) -> Answer<'_, Stored> {
        let key = self.guard.key;
        Box::pin(async move {
            let shared = &self.guard.shared;
            let held = Arc::clone(shared);
            let read = move |connection: &_| {
                if held.held.generation() == key.generation {
                    rows::request(connection, key.seq)
                } else {
                    Ok(None)
                }
            };
            let gone = || StoreError::Unreadable("it is not there any more".to_owned());
            shared.read(read).await?.ok_or_else(gone)
        })
    }

    /// Whether or not the answer is awaited, this process makes no further attempt for the event before this is
    /// written. What cannot be written now is tried again for as long as the process lives.
    fn end(mut self: Box<Self>, end: End) -> Answer<'static, ()> {
        let (answer, answered) = oneshot::channel();
        self.guard.is_ended = true;
        let Guard {
            shared, key, route, ..
        } = &self.guard;
        shared.end(*key, route, end, Some(answer));
        Box::pin(async move { answered.await.unwrap_or_else(|_| Err(ended())) })
    }
}
