//! Leaving no secret on the stack.
//!
//! What owns a secret wipes it when it is dropped, but moving a value leaves a copy where it was. On
//! the heap the types see to it that nothing moves; on the stack they cannot. So what handles a secret
//! itself runs either on a stack of its own, which is given back to the system when its thread ends,
//! or is followed by [`stack`], which overwrites what it left.

use std::thread;

/// The deepest that hashing goes, with room to spare.
const DEPTH_BYTES: usize = 8 << 10;

/// Overwrites the part of the stack that calls before this one used. They must be calls: what the
/// compiler put into the caller itself is out of reach.
#[inline(never)]
pub fn stack() {
    let space = [0_u8; DEPTH_BYTES];
    std::hint::black_box(&space);
}

/// Runs `work` on a stack of its own, which the system takes back.
///
/// # Panics
/// Where `work` does.
pub fn on_own_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| match scope.spawn(work).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
