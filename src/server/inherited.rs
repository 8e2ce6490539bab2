//! Sockets that this process was given when it was started: by a service manager (`LISTEN_FDS`,
//! sd_listen_fds(3)), or by the process whose successor it is.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;

use super::listener::{Listener, Wanted};
use crate::config::ListenAddress;
use crate::os::handover::Named;

/// Sockets that were given and not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    activated: Vec<Listener>,
    /// Each with the name that its predecessor had for it.
    handed_over: Named,
}

impl Inherited {
    /// What a service manager gave.
    pub(crate) fn activated() -> Self {
        let mut given = ListenFd::from_env();
        let count = given.len();
        let take = |index| {
            if let Ok(Some(listener)) = given.take_tcp_listener(index) {
                return Some(Listener::Tcp(listener));
            }
            let listener = given.take_unix_listener(index).ok()??;
            Some(Listener::Unix(listener))
        };
        Self {
            activated: (0..count).filter_map(take).collect(),
            handed_over: Vec::new(),
        }
    }

    /// What a predecessor handed over.
    pub(crate) fn handed_over(sockets: Named) -> Self {
        Self {
            activated: Vec::new(),
            handed_over: sockets,
        }
    }

    /// The socket for an address, if there is one.
    pub(crate) fn take(&mut self, wanted: &Wanted) -> Option<Listener> {
        let name = wanted.name();
        let mut handed_over = self.handed_over.iter();
        if let Some(place) = handed_over.position(|(handed, _)| *handed == name) {
            let (_, socket) = self.handed_over.swap_remove(place);
            return Some(match wanted.address {
                ListenAddress::Tcp(_) => Listener::Tcp(TcpListener::from(socket)),
                ListenAddress::Unix { .. } => Listener::Unix(UnixListener::from(socket)),
            });
        }
        let mut activated = self.activated.iter();
        let place = activated.position(|listener| is_at(listener, &wanted.address))?;
        Some(self.activated.swap_remove(place))
    }

    /// What was handed over under this name, other than a socket.
    pub(crate) fn take_named(&mut self, name: &str) -> Option<OwnedFd> {
        let mut handed_over = self.handed_over.iter();
        let place = handed_over.position(|(handed, _)| handed == name)?;
        Some(self.handed_over.swap_remove(place).1)
    }

    /// Says which sockets no address of the configuration is for. They are closed.
    pub(crate) fn warn_of_rest(self) {
        let rest = self.activated.iter().map(|listener| match listener {
            Listener::Tcp(socket) => socket
                .local_addr()
                .map_or_else(|_| "unknown".to_owned(), |address| address.to_string()),
            Listener::Unix(socket) => format!("{:?}", socket.local_addr().ok()),
        });
        let handed_over = self.handed_over.iter().map(|(name, _)| name.clone());
        for address in rest.chain(handed_over) {
            tracing::warn!(
                event = "socket_unused",
                address,
                "a socket was handed over that no listen address of the configuration is for"
            );
        }
    }
}

fn is_at(listener: &Listener, address: &ListenAddress) -> bool {
    match (listener, address) {
        (Listener::Tcp(socket), ListenAddress::Tcp(wanted)) => {
            socket.local_addr().is_ok_and(|address| address == *wanted)
        }
        (Listener::Unix(socket), ListenAddress::Unix { path, .. }) => socket
            .local_addr()
            .is_ok_and(|address| address.as_pathname() == Some(path)),
        _ => false,
    }
}
