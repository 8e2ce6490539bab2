//! What the system knows of sockets and the event loop may not know yet.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{MsgFlags, recv};
use pingora::protocols::Stream;

/// Whether nothing has arrived on a connection that nobody reads from: neither data nor its end.
pub(super) fn is_quiet(stream: &Stream) -> bool {
    let looking = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    recv(stream.id(), &mut [0], looking) == Err(Errno::EAGAIN)
}

/// Whether an error says that there is no file descriptor left.
pub(super) fn lacks_descriptors(error: &std::io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EMFILE | Errno::ENFILE))
}

/// Raises the limit of open files as far as the system lets us. Returns it.
pub(super) fn raise_descriptor_limit() -> Option<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        return Some(hard);
    }
    Some(soft)
}
