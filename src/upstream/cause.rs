//! Why one attempt to connect failed, in words for operators.
//!
//! What the libraries say is not passed on: it changes with their versions and names their insides.

use std::fmt;
use std::io;
use std::time::Duration;

use nix::errno::Errno;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, OtherError};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// How many names of a certificate are shown.
const MAX_NAMES: usize = 5;
/// How much of a name is shown.
const MAX_NAME_CHARS: usize = 100;

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cause {
    #[error("connection refused")]
    Refused,
    #[error("no answer within {0:?}")]
    NoAnswer(Duration),
    #[error("no route to the host")]
    NoRouteToHost,
    #[error("no route to the network")]
    NoRouteToNetwork,
    #[error("the connection was reset")]
    Reset,
    #[error("hookward has no file descriptor left; raise the limit of open files")]
    NoDescriptor,
    #[error("this system has no free local port left")]
    NoLocalPort,
    #[error("there is no such socket")]
    NoSocket,
    #[error("hookward is not permitted to connect there")]
    NotPermitted,
    #[error("more connections wait there than the app takes")]
    QueueFull,
    #[error("system error {0}")]
    System(i32),
    #[error("the connection failed")]
    Unknown,
    #[error("the app ended the connection during the TLS handshake")]
    HandshakeEnded,
    #[error(transparent)]
    Tls(#[from] TlsFailure),
}

/// Why an app could not prove who it is, or did not speak TLS as we do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsFailure {
    #[error(
        "TLS: the app's certificate is signed by an authority that is not trusted; see upstream_ca"
    )]
    UnknownIssuer,
    #[error("TLS: the app's certificate expired at {0}")]
    Expired(String),
    #[error("TLS: the app's certificate is not valid before {0}")]
    NotYetValid(String),
    #[error("TLS: the app's certificate is not for {expected}, but for {}", Names(.names))]
    Name {
        expected: String,
        names: Vec<String>,
    },
    #[error(
        "TLS: the app's certificate is an authority's own; it is accepted if upstream_ca holds exactly it"
    )]
    IsAuthority,
    #[error("TLS: the app's certificate is not made for servers")]
    Purpose,
    #[error("TLS: the app's certificate was revoked")]
    Revoked,
    #[error(
        "TLS: the app's certificate is not signed by the key of the authority that it names, or in \
         a way that hookward does not know"
    )]
    Signature,
    #[error("TLS: the app's certificate cannot be read")]
    Unreadable,
    #[error("TLS: the app's certificate was not accepted")]
    Certificate,
    #[error("TLS: the app and hookward have no protocol version or cipher in common")]
    NothingInCommon,
    #[error("TLS: the app wants a certificate of hookward, which has none")]
    WantsCertificate,
    #[error("TLS: what answers there does not speak TLS; is the upstream http://?")]
    NotTls,
    #[error(
        "TLS: the app does not choose HTTP/2 by ALPN; let it offer h2, or set \
         upstream_protocol = \"http/1.1\""
    )]
    NoHttp2,
    #[error("TLS: the app broke off the handshake (alert {0})")]
    Alert(u8),
    #[error("TLS: the handshake failed")]
    Handshake,
}

/// The app's certificate is an authority's: what path validation finds and rustls has no word for.
#[derive(Debug, thiserror::Error)]
#[error("an authority's certificate")]
pub(crate) struct IsAuthority;

impl Cause {
    /// Why the system made no connection.
    pub(crate) fn of_connect(error: &io::Error) -> Self {
        let Some(number) = error.raw_os_error() else {
            return Self::of_kind(error.kind());
        };
        match Errno::from_raw(number) {
            Errno::ECONNREFUSED => Self::Refused,
            Errno::EHOSTUNREACH | Errno::EHOSTDOWN => Self::NoRouteToHost,
            Errno::ENETUNREACH | Errno::ENETDOWN => Self::NoRouteToNetwork,
            Errno::ECONNRESET | Errno::ECONNABORTED | Errno::EPIPE => Self::Reset,
            Errno::EMFILE | Errno::ENFILE => Self::NoDescriptor,
            Errno::EADDRNOTAVAIL => Self::NoLocalPort,
            Errno::ENOENT | Errno::ENOTDIR | Errno::ENOTSOCK => Self::NoSocket,
            Errno::EACCES | Errno::EPERM => Self::NotPermitted,
            Errno::EAGAIN => Self::QueueFull,
            _ => Self::System(number),
        }
    }

    /// Why a TLS handshake failed.
    pub(crate) fn of_handshake(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            Some(inner) => TlsFailure::of(inner).into(),
            None => match Self::of_connect(error) {
                Self::Reset => Self::HandshakeEnded,
                other => other,
            },
        }
    }

    fn of_kind(kind: io::ErrorKind) -> Self {
        match kind {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => Self::Reset,
            io::ErrorKind::WouldBlock => Self::QueueFull,
            _ => Self::Unknown,
        }
    }

    /// Whether another attempt may succeed a moment later. The app's certificate, and how it speaks TLS, do
    /// not change.
    pub(crate) fn may_pass(&self) -> bool {
        !matches!(self, Self::Tls(_))
    }
}

impl TlsFailure {
    fn of(error: &Error) -> Self {
        match error {
            Error::InvalidCertificate(error) => Self::of_certificate(error),
            Error::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) => Self::NotTls,
            Error::PeerIncompatible(_)
            | Error::AlertReceived(
                AlertDescription::HandshakeFailure
                | AlertDescription::ProtocolVersion
                | AlertDescription::InsufficientSecurity,
            ) => Self::NothingInCommon,
            Error::AlertReceived(AlertDescription::CertificateRequired) => Self::WantsCertificate,
            Error::AlertReceived(AlertDescription::NoApplicationProtocol)
            | Error::NoApplicationProtocol => Self::NoHttp2,
            Error::AlertReceived(alert) => Self::Alert((*alert).into()),
            _ => Self::Handshake,
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired(told(*not_after)),
            CertificateError::NotValidYetContext { not_before, .. } => {
                Self::NotYetValid(told(*not_before))
            }
            CertificateError::NotValidForNameContext {
                expected,
                presented,
            } => Self::Name {
                expected: expected.to_str().into_owned(),
                names: presented.iter().map(|name| bare_name(name)).collect(),
            },
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Self::Purpose
            }
            CertificateError::Revoked => Self::Revoked,
            CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                Self::Signature
            }
            CertificateError::BadEncoding => Self::Unreadable,
            CertificateError::Other(OtherError(other)) if other.is::<IsAuthority>() => {
                Self::IsAuthority
            }
            _ => Self::Certificate,
        }
    }
}

/// A name as it stands in a certificate. rustls tells its kind with it: `DnsName("a.example")`.
fn bare_name(told: &str) -> String {
    let inner = told.split_once('(').map_or(told, |(_, inner)| inner);
    let bare = inner.trim_end_matches(')').trim_matches('"');
    bare.chars().take(MAX_NAME_CHARS).collect()
}

fn told(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{seconds} s after 1970"))
}

/// The names of a certificate, as many as a line holds.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no name at all");
        }
        let told: Vec<&str> = self.0.iter().take(MAX_NAMES).map(String::as_str).collect();
        f.write_str(&told.join(", "))?;
        match self.0.len().saturating_sub(MAX_NAMES) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
