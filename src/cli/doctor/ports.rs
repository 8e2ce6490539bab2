//! Whether the addresses can be listened on, or the hookward that serves has them.
//!
//! A port is tried by binding it without listening, so that nobody can connect meanwhile. A Unix socket's
//! file is only looked at. `upgrade_socket` is never connected to: whoever does asks for a successor.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use pingora::protocols::Stream;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::ask::{Answer, PATIENCE, Question, ask, ask_on, mark};
use super::report::Line;
use super::serving::{Serving, address_of, reachable};
use crate::config::{Config, ListenAddress, TlsCertificate, Upstream, UpstreamProtocol};
use crate::upstream::address::UpstreamAddress;
use crate::upstream::connect::Connector;
use crate::transport::stream;
use crate::upstream::tls::TlsClient;

const CHECK: &str = "port";
const VERDICTS: &str = "hookward_verdicts_total";
const HANDSHAKES: &str = "hookward_tls_handshakes_total";

/// Who has an address.
enum Holder {
    Nobody,
    /// Port 0: there is always a free one.
    Any,
    Somebody,
    /// It cannot be listened on, whoever has it.
    Unusable(String),
}

/// An address at which the hookward that serves was found.
pub(super) struct Own {
    pub(super) address: ListenAddress,
    pub(super) is_tls: bool,
}

/// Looks for the hookward that serves by this configuration.
pub(super) async fn find<'a>(
    config: &Config,
    connector: &'a Connector,
) -> (Line, Option<Serving<'a>>) {
    let about = format!("{} (admin.listen)", config.admin);
    let holder = holder_of_port(config.admin);
    if !matches!(holder, Holder::Somebody) {
        return (line(&holder, about, false), None);
    }
    let Some(serving) = Serving::find(connector, config.admin).await else {
        return (line(&holder, about, false), None);
    };
    let line = match serving.obstacles().await {
        None => Line::ok(CHECK, about, "held by a hookward that serves"),
        Some(obstacles) => {
            let text = format!("held by a hookward that is not ready: {obstacles}");
            Line::warning(CHECK, about, text, "see its log")
        }
    };
    (line, Some(serving))
}

/// A line for each address of `server.listen` and `server.tls.listen`, and those that are hookward's.
pub(super) async fn check(
    config: &Config,
    connector: &Connector,
    serving: Option<&Serving<'_>>,
) -> (Vec<Line>, Vec<Own>) {
    let tls = config.server.tls.iter().flat_map(|tls| &tls.listen);
    let tls = tls.map(|address| (ListenAddress::Tcp(*address), true));
    let plain = config.server.listen.iter();
    let plain = plain.map(|address| (address.clone(), false));
    let (mut lines, mut own) = (Vec::new(), Vec::new());
    // One after the other: each is recognised by a counter that rises.
    for (address, is_tls) in plain.chain(tls) {
        let key = if is_tls {
            "server.tls.listen"
        } else {
            "server.listen"
        };
        let about = format!("{address} ({key})");
        let holder = match &address {
            ListenAddress::Tcp(address) => holder_of_port(*address),
            ListenAddress::Unix { path, .. } => holder_of_socket(path),
        };
        let is_own = match serving.filter(|_| matches!(holder, Holder::Somebody)) {
            Some(serving) if is_tls => has_handshake(&address, config, serving).await,
            Some(serving) => has_verdict(&address, connector, serving).await,
            None => false,
        };
        if is_own {
            lines.push(Line::ok(CHECK, about, "held by the hookward that serves"));
            own.push(Own { address, is_tls });
        } else {
            lines.push(line(&holder, about, serving.is_some()));
        }
    }
    (lines, own)
}

fn line(holder: &Holder, about: String, is_serving: bool) -> Line {
    match holder {
        Holder::Any => Line::ok(CHECK, about, "any free port is taken"),
        Holder::Nobody if is_serving => Line::warning(
            CHECK,
            about,
            "free, though a hookward has the admin address: it listens elsewhere",
            "restart it, for addresses change at a start alone",
        ),
        Holder::Nobody => Line::ok(CHECK, about, "free"),
        Holder::Somebody => Line::failed(
            CHECK,
            about,
            "held by another program than the hookward of this configuration",
            "stop that program (`ss -ltnxp` names it), or choose another address; a socket of the \
             service manager's is meant to be held",
        ),
        Holder::Unusable(why) => Line::failed(
            CHECK,
            about,
            why.clone(),
            "choose another address, or let hookward's user listen there",
        ),
    }
}

fn holder_of_port(address: SocketAddr) -> Holder {
    if address.port() == 0 {
        return Holder::Any;
    }
    let bind = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        // As hookward does, which does not wait until the system forgets the last run's connections.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())
    };
    match bind() {
        Ok(()) => Holder::Nobody,
        Err(error) => match error.kind() {
            ErrorKind::AddrInUse => Holder::Somebody,
            ErrorKind::AddrNotAvailable => {
                Holder::Unusable("this machine has no such address".to_owned())
            }
            ErrorKind::PermissionDenied => {
                Holder::Unusable("this user may not listen on that port".to_owned())
            }
            _ => Holder::Unusable(format!("it cannot be listened on: {error}")),
        },
    }
}

fn holder_of_socket(path: &Path) -> Holder {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Holder::Nobody,
        Err(error) => return Holder::Unusable(format!("it cannot be looked at: {error}")),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Holder::Unusable("a file is there that is no socket".to_owned());
        }
        Ok(_) => {}
    }
    let connect = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // A process that does not accept is not waited for.
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)
    };
    match connect() {
        Ok(()) => Holder::Somebody,
        Err(error) => match error.kind() {
            // A process has left it behind, and hookward replaces it.
            ErrorKind::ConnectionRefused => Holder::Nobody,
            ErrorKind::WouldBlock => Holder::Somebody,
            _ => Holder::Unusable(format!("it cannot be connected to: {error}")),
        },
    }
}

/// Whether a request there is counted as a verdict of the hookward that serves.
async fn has_verdict(
    address: &ListenAddress,
    connector: &Connector,
    serving: &Serving<'_>,
) -> bool {
    let Some(before) = serving.sum(VERDICTS, &[]).await else {
        return false;
    };
    let upstream = upstream_of(address);
    let question = stray();
    let asked = ask(connector, &upstream, &question, PATIENCE, PATIENCE).await;
    asked.is_ok_and(|answer| is_refusal(&answer)) && serving.rises(VERDICTS, &[], before).await
}

/// Whether a TLS handshake there is counted by the hookward that serves. It may fail: senders may need a
/// certificate.
async fn has_handshake(address: &ListenAddress, config: &Config, serving: &Serving<'_>) -> bool {
    let (ListenAddress::Tcp(address), Some(before)) = (address, serving.sum(HANDSHAKES, &[]).await)
    else {
        return false;
    };
    let tls = config.server.tls.iter();
    let mut certificates = tls.flat_map(|tls| &tls.certificates);
    if let Some(certificate) = certificates.next()
        && let Some(stream) = connect_over_tls(*address, certificate).await
    {
        // The server's half of a handshake may end after ours.
        ask_on(stream, &stray(), PATIENCE).await;
    }
    serving.rises(HANDSHAKES, &[], before).await
}

/// Connects to a listener of `server.tls`, which has to prove itself by this certificate of its own.
pub(super) async fn connect_over_tls(
    address: SocketAddr,
    certificate: &TlsCertificate,
) -> Option<Stream> {
    let end_entity = certificate.certified.cert.first()?.to_vec();
    let name = certificate
        .names
        .first()
        .map_or("localhost", String::as_str);
    let name = name.replace('*', "doctor");
    let client = TlsClient::new(&name, Some(&[end_entity]), UpstreamProtocol::Http1).ok()?;
    let shaking = async {
        let tcp = TcpStream::connect(reachable(address)).await.ok()?;
        let socket = tcp.as_raw_fd();
        let shaken = client.handshake(tcp).await.ok()?;
        Some(stream(shaken, socket))
    };
    timeout(PATIENCE, shaking).await.ok()?
}

/// Where a listener without TLS is reached from this machine.
pub(super) fn upstream_of(address: &ListenAddress) -> UpstreamAddress {
    match address {
        ListenAddress::Tcp(address) => address_of(*address),
        ListenAddress::Unix { path, .. } => {
            let upstream = Upstream::Unix(path.clone());
            UpstreamAddress::new(&upstream, None, UpstreamProtocol::Http1)
        }
    }
}

/// A request that no route takes, or that is refused by the one that has all paths.
fn stray() -> Question {
    Question::head(format!("/{}", mark()), "localhost")
}

fn is_refusal(answer: &Answer) -> bool {
    (400..500).contains(&answer.status) && answer.is_bare()
}
