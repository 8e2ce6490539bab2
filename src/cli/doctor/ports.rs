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
use crate::transport::stream;
use crate::upstream::address::UpstreamAddress;
use crate::upstream::connect::Connector;
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
    /// This user may not listen there, so that trying does not tell who has it.
    Forbidden,
    /// It cannot be listened on, whoever has it.
    Unusable(String),
}

impl Holder {
    /// Whether it may be the hookward that serves.
    const fn may_be_ours(&self) -> bool {
        matches!(self, Self::Somebody | Self::Forbidden)
    }
}

/// Whether the hookward that serves has an address.
enum Proof {
    Ours,
    /// It counted a handshake meanwhile, and what is there has another certificate than the configuration.
    OtherCertificate,
    None,
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
    let about = format!("{} (admin.listen)", config.admin.listen);
    let holder = holder_of_port(config.admin.listen);
    if !holder.may_be_ours() {
        return (line(&holder, about, false), None);
    }
    let Some(serving) = Serving::find(connector, config.admin.listen).await else {
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
        let proof = match serving.filter(|_| holder.may_be_ours()) {
            Some(serving) if is_tls => has_handshake(&address, config, serving).await,
            Some(serving) => has_verdict(&address, connector, serving).await,
            None => Proof::None,
        };
        lines.push(match proof {
            Proof::Ours => {
                own.push(Own { address, is_tls });
                Line::ok(CHECK, about, "held by the hookward that serves")
            }
            Proof::OtherCertificate => Line::warning(
                CHECK,
                about,
                "what holds it does not prove itself by the first certificate of this configuration",
                "reload hookward if the certificate was renewed; else see who holds the address \
                 (`ss -ltnp`)",
            ),
            Proof::None => line(&holder, about, serving.is_some()),
        });
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
        Holder::Forbidden => Line::warning(
            CHECK,
            about,
            "this user may not listen on that port, and no hookward of this configuration was found there",
            "ask as hookward's user and with its capabilities (CAP_NET_BIND_SERVICE), or let the service \
             manager hand over the socket",
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
            ErrorKind::PermissionDenied => Holder::Forbidden,
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
) -> Proof {
    let Some(before) = serving.sum(VERDICTS, &[]).await else {
        return Proof::None;
    };
    let upstream = upstream_of(address);
    let question = stray();
    let asked = ask(connector, &upstream, &question, PATIENCE, PATIENCE).await;
    let is_ours =
        asked.is_ok_and(|answer| is_refusal(&answer)) && serving.rises(VERDICTS, &[], before).await;
    if is_ours { Proof::Ours } else { Proof::None }
}

/// Whether a TLS handshake there proves a certificate of ours and is counted by the hookward that serves. A
/// counter alone proves nothing: other senders make it rise too.
async fn has_handshake(address: &ListenAddress, config: &Config, serving: &Serving<'_>) -> Proof {
    let (ListenAddress::Tcp(address), Some(before), Some(tls)) = (
        address,
        serving.sum(HANDSHAKES, &[]).await,
        &config.server.tls,
    ) else {
        return Proof::None;
    };
    let Some(certificate) = tls.certificates.first() else {
        return Proof::None;
    };
    let is_proved = match connect_over_tls(*address, certificate).await {
        Some(stream) => {
            // The server's half of a handshake may end after ours.
            ask_on(stream, &stray(), PATIENCE).await;
            true
        }
        // Where senders need a certificate, ours may fail, having none.
        None => tls.client_ca.is_some(),
    };
    if !serving.rises(HANDSHAKES, &[], before).await {
        return Proof::None;
    }
    if is_proved {
        Proof::Ours
    } else {
        Proof::OtherCertificate
    }
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
