//! What the system knows of sockets and the event loop may not know yet.

use std::os::fd::{AsFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use pingora::protocols::l4::ext::get_tcp_info;

/// What has arrived on a connection and was not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    Nothing,
    Bytes,
    /// Its end, or an error.
    End,
}

/// What has arrived on a connection that nobody reads from. Takes nothing of it.
pub(crate) fn arrived(socket: RawFd) -> Arrived {
    let looking = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    match recv(socket, &mut [0], looking) {
        Err(Errno::EAGAIN) => Arrived::Nothing,
        Ok(1..) => Arrived::Bytes,
        Ok(0) | Err(_) => Arrived::End,
    }
}

/// Whether the other end's system has acknowledged all that was written to a connection. `None` where the system does
/// not tell: other systems than Linux, and Linux before 6.2, which says less than Pingora asks for.
pub(crate) fn is_all_received(socket: RawFd) -> Option<bool> {
    match get_tcp_info(socket) {
        Ok(_) if cfg!(not(target_os = "linux")) => None,
        Ok(told) => Some(told.tcpi_notsent_bytes == 0 && told.tcpi_unacked == 0),
        // It is not of TCP: what is written is received.
        Err(error) if error.raw_os_error().is_some() => Some(true),
        Err(_) => None,
    }
}

/// Lets no new handshake begin on a listener. Closing a listener resets the connections whose handshake
/// is under way; after this call no more are added, so that those can be accepted before it is closed.
/// A sender whose first packet is dropped repeats it within about a second, and finds the next process
/// if there is one by then.
#[cfg(target_os = "linux")]
pub(crate) fn turn_newcomers_away(listener: &impl AsFd) -> std::io::Result<()> {
    use socket2::{SockFilter, SockRef};
    // A classic BPF program on the TCP header, whose byte 13 holds the flags: drop a SYN that is no ACK.
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    SockRef::from(listener).attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, 13),
        SockFilter::new(AND, 0, 0, 0x12),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, 0x02),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ])
}

/// Other systems have no such filter.
#[cfg(not(target_os = "linux"))]
pub(crate) fn turn_newcomers_away(_listener: &impl AsFd) -> std::io::Result<()> {
    Ok(())
}

/// Takes back what [`turn_newcomers_away`] did: a socket may be shared with a process that listens on.
#[cfg(target_os = "linux")]
pub(crate) fn let_newcomers_in(listener: &impl AsFd) {
    // An error says that there was nothing to take back.
    let _ = socket2::SockRef::from(listener).detach_filter();
}

/// Other systems have no such filter.
#[cfg(not(target_os = "linux"))]
pub(crate) fn let_newcomers_in(_listener: &impl AsFd) {}
