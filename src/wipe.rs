//! Leaving no secret on the stack.
//!
//! What owns a secret wipes it when it is dropped, but moving a value leaves a copy where it was. On
//! the heap the types see to it that nothing moves; on the stack they cannot. So work that handles
//! secrets is followed by overwriting the part of the stack that it used: [`stack`] after hashing,
//! [`deep`] after reading a configuration. At the start, where a thread can be had, [`on_own_stack`]
//! gives the whole stack back to the system instead.

use std::thread;

/// The deepest that hashing goes, with room to spare.
const DEPTH_BYTES: usize = 8 << 10;

/// How much of the stack [`deep`] overwrites.
const DEEP_BYTES: usize = 1 << 20;

/// The stack, in bytes, of a thread that calls [`deep`]. Little more than what is overwritten, so that
/// work cannot reach below it unnoticed.
pub const DEEP_STACK_BYTES: usize = DEEP_BYTES + (128 << 10);

/// Overwrites the part of the stack that calls before this one used. They must be calls: what the
/// compiler put into the caller itself is out of reach.
#[inline(never)]
pub fn stack() {
    let space = [0_u8; DEPTH_BYTES];
    std::hint::black_box(&space);
}

/// Does `work` and overwrites the stack that it used, also where it panics. For a thread that has
/// [`DEEP_STACK_BYTES`] of stack, close to the beginning of it.
pub fn deep<T>(work: impl FnOnce() -> T) -> T {
    struct Overwrite;
    impl Drop for Overwrite {
        fn drop(&mut self) {
            overwrite_deep();
        }
    }
    let _overwrite = Overwrite;
    in_a_frame_below(work)
}

#[inline(never)]
fn overwrite_deep() {
    let space = [0_u8; DEEP_BYTES];
    std::hint::black_box(&space);
}

#[inline(never)]
fn in_a_frame_below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Does `work` on a stack of its own, which the system takes back. Where no thread can be had, `work`
/// is done on the caller's.
///
/// # Panics
/// Where `work` does.
pub fn on_own_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let mut work = Some(work);
    let mut done = None;
    let mut run = || done = work.take().map(|work| work());
    thread::scope(|scope| {
        let spawned = thread::Builder::new().spawn_scoped(scope, &mut run);
        if let Ok(thread) = spawned
            && let Err(panic) = thread.join()
        {
            std::panic::resume_unwind(panic);
        }
    });
    match (done, work) {
        (Some(done), _) => done,
        (None, Some(work)) => work(),
        // `run` takes the work and leaves what came of it, or panics.
        (None, None) => unreachable!("the work was neither done nor left"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_on_a_stack_of_its_own_returns_what_it_made_and_panics_as_it_did() {
        assert_eq!(on_own_stack(|| 7), 7);
        let panicked = std::panic::catch_unwind(|| on_own_stack(|| panic!("as told")));
        let payload = panicked.unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"as told"));
    }
}
