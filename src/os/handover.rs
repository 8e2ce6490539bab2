//! Handing open sockets from one process to another over a connection between them (`SCM_RIGHTS`, unix(7)).

use std::io::{Error, ErrorKind, IoSlice, IoSliceMut, Read, Result};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// How many sockets are handed over at once. The system allows some more.
pub(crate) const MAX_SOCKETS: usize = 128;
const LENGTH_BYTES: usize = 4;
const MAX_NAMES_BYTES: usize = 64 << 10;

/// Sockets, each with a name.
pub(crate) type Named = Vec<(String, OwnedFd)>;

/// Sends sockets, each with a name, which has no line feed.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] where there are too many; else what the system says.
pub(crate) fn send(
    channel: &UnixStream,
    names: &[String],
    sockets: &[BorrowedFd<'_>],
) -> Result<()> {
    let names = names.join("\n");
    let length = u32::try_from(names.len()).unwrap_or(u32::MAX);
    if sockets.len() > MAX_SOCKETS || names.len() > MAX_NAMES_BYTES {
        return Err(ErrorKind::InvalidInput.into());
    }
    let mut message = length.to_be_bytes().to_vec();
    message.extend_from_slice(names.as_bytes());
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_SOCKETS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(sockets)) {
        return Err(ErrorKind::InvalidInput.into());
    }
    let slices = [IoSlice::new(&message)];
    let sent = sendmsg(channel, &slices, &mut ancillary, SendFlags::NOSIGNAL)?;
    if sent == message.len() {
        Ok(())
    } else {
        Err(ErrorKind::WriteZero.into())
    }
}

/// Receives what [`send`] sent.
///
/// # Errors
/// What the system says, or [`ErrorKind::InvalidData`] where it is something else.
pub(crate) fn receive(mut channel: &UnixStream) -> Result<Named> {
    let malformed = || Error::from(ErrorKind::InvalidData);
    let mut length = [0; LENGTH_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_SOCKETS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(&mut length)];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::WAITALL;
    let received = recvmsg(channel, &mut slices, &mut ancillary, flags)?;
    if received.bytes != LENGTH_BYTES {
        return Err(malformed());
    }
    let mut sockets = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            sockets.extend(received);
        }
    }
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| malformed())?;
    if length > MAX_NAMES_BYTES {
        return Err(malformed());
    }
    let mut names = vec![0; length];
    channel.read_exact(&mut names)?;
    let names = String::from_utf8(names).map_err(|_| malformed())?;
    let names: Vec<&str> = names.split('\n').collect();
    if names.len() != sockets.len() {
        return Err(malformed());
    }
    let names = names.into_iter().map(str::to_owned);
    Ok(names.zip(sockets).collect())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn sockets_arrive_with_their_names() {
        let (one, other) = UnixStream::pair().unwrap();
        let listeners: Vec<TcpListener> = (0..3)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let names: Vec<String> = listeners
            .iter()
            .map(|listener| listener.local_addr().unwrap().to_string())
            .collect();
        let sockets: Vec<_> = listeners.iter().map(AsFd::as_fd).collect();
        send(&one, &names, &sockets).unwrap();
        let received = receive(&other).unwrap();
        assert_eq!(received.len(), 3);
        for ((name, socket), expected) in received.into_iter().zip(&names) {
            let address = TcpListener::from(socket).local_addr().unwrap();
            assert_eq!((&name, &address.to_string()), (expected, expected));
        }
        drop(one);
        assert!(receive(&other).is_err());
    }
}
