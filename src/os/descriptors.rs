//! File descriptors: how many the process may have, and which are for connections to apps.
//!
//! A connection from a sender needs one descriptor, and another one to the app while it serves a
//! request. An event that was verified must not fail because senders hold all of them. So those for
//! connections to apps are an account of their own ([`Descriptors`]), and a request takes one from it
//! before its body is read. Kept connections that no request uses are closed when it is empty.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Whether an error says that there is no file descriptor left.
pub(crate) fn lacks_descriptors(error: &std::io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EMFILE | Errno::ENFILE))
}

/// Raises the limit of open files as far as the system lets us. Returns it.
pub(crate) fn raise_descriptor_limit() -> Option<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        return Some(hard);
    }
    Some(soft)
}

/// A holder of descriptors of the account that are not in use.
pub(crate) trait GivesWay: Send + Sync {
    /// Closes something that is not in use. `false` if there is nothing.
    fn give_way(&self) -> bool;

    /// Whether there is something that is not in use.
    fn has_unused(&self) -> bool;
}

/// The account of descriptors for connections to apps.
pub(crate) struct Descriptors {
    count: AtomicUsize,
    taken: AtomicUsize,
    kept: OnceLock<Weak<dyn GivesWay>>,
}

impl Descriptors {
    /// An account of `count` descriptors.
    pub(crate) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self {
            count: AtomicUsize::new(count),
            taken: AtomicUsize::new(0),
            kept: OnceLock::new(),
        })
    }

    /// From now on there are `count`. What is taken stays taken.
    pub(crate) fn set_count(&self, count: usize) {
        self.count.store(count, Ordering::Relaxed);
    }

    /// Names who keeps connections that no request uses. Once: later calls change nothing.
    pub(crate) fn set_kept(&self, kept: Weak<dyn GivesWay>) {
        let _ = self.kept.set(kept);
    }

    /// Takes one descriptor for a request; if there is none, a connection that no request uses is
    /// closed for it. `None` if all are in use. Drop the slot after the connection was closed or kept.
    pub(crate) fn reserve(self: &Arc<Self>) -> Option<Slot> {
        loop {
            if let Some(slot) = self.try_reserve() {
                return Some(slot);
            }
            if !self.kept()?.give_way() {
                return None;
            }
        }
    }

    /// Takes one descriptor, if there is one that nobody holds.
    pub(crate) fn try_reserve(self: &Arc<Self>) -> Option<Slot> {
        let count = self.count.load(Ordering::Relaxed);
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                taken.checked_add(1).filter(|sum| *sum <= count)
            });
        taken.is_ok().then(|| Slot(Arc::clone(self)))
    }

    /// Whether requests use all of them.
    pub(crate) fn are_exhausted(&self) -> bool {
        let are_taken = self.taken.load(Ordering::Relaxed) >= self.count.load(Ordering::Relaxed);
        are_taken && !self.kept().is_some_and(|kept| kept.has_unused())
    }

    fn kept(&self) -> Option<Arc<dyn GivesWay>> {
        self.kept.get().and_then(Weak::upgrade)
    }
}

/// One descriptor that was taken from the account. Dropping it gives it back.
pub(crate) struct Slot(Arc<Descriptors>);

impl Drop for Slot {
    fn drop(&mut self) {
        // It was added when the slot was made.
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Slot")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Kept(Mutex<Vec<Slot>>);

    impl GivesWay for Kept {
        fn give_way(&self) -> bool {
            self.0.lock().unwrap().pop().is_some()
        }

        fn has_unused(&self) -> bool {
            !self.0.lock().unwrap().is_empty()
        }
    }

    #[test]
    fn what_is_kept_gives_way_and_what_is_used_does_not() {
        let descriptors = Descriptors::new(2);
        let used = descriptors.reserve().unwrap();
        let slot = descriptors.try_reserve().unwrap();
        let kept: Arc<dyn GivesWay> = Arc::new(Kept(Mutex::new(vec![slot])));
        descriptors.set_kept(Arc::downgrade(&kept));
        assert!(descriptors.try_reserve().is_none());
        assert!(!descriptors.are_exhausted());
        let taken = descriptors.reserve().unwrap();
        assert!(!kept.has_unused());
        assert!(descriptors.are_exhausted());
        assert!(descriptors.reserve().is_none());
        drop(used);
        assert!(!descriptors.are_exhausted());
        descriptors.set_count(1);
        assert!(descriptors.reserve().is_none(), "one is taken");
        drop(taken);
        assert!(descriptors.reserve().is_some());
    }
}
