//! A sound configuration: what judging makes of a file, and what everything else reads.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::sign::CertifiedKey;
use schemars::JsonSchema;
use serde::Deserialize;

use super::listen_address::ListenAddress;
use super::replay::{OnReplay, ReplayConfig};
use super::spool::{SpoolConfig, SpoolMode};
use super::upstream::Upstream;
use crate::handoff::forwarding::{Family, TrustedPeers};
use crate::providers::Providers;
use crate::route::pattern::PathPattern;
use crate::verify::scheme::Scheme;
use crate::verify::{ApiKeyLocation, BodyStart, Freshness, Provider, Secret};

/// A sound configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[server]`.
    pub server: ServerConfig,
    /// `[admin]`.
    pub admin: AdminConfig,
    /// `[log]`.
    pub log: LogConfig,
    /// `[record]`; there if a route has `record = "refused"`.
    pub record: Option<RecordConfig>,
    /// `[replay]`: how requests are remembered.
    pub replay: ReplayConfig,
    /// `[spool]`: where events wait; also where no route spools any more.
    pub spool: Option<SpoolConfig>,
    /// `[[route]]`, in the order of the file.
    pub routes: Vec<RouteConfig>,
    /// The providers that it could name.
    pub providers: Providers,
}

/// `[server]`.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen without TLS.
    pub listen: Vec<ListenAddress>,
    /// `[server.tls]`.
    pub tls: Option<TlsConfig>,
    /// Whether trusted peers may speak HTTP/2 without TLS.
    pub h2c: bool,
    /// The path by which load balancers ask whether the server takes requests.
    pub health_path: Option<String>,
    /// Worker threads; 0 means one a core.
    pub threads: usize,
    /// Connections open at once, at most.
    pub max_connections: usize,
    /// Time limit for a whole header, from its first byte, and for the first byte of a new connection.
    pub header_timeout: Duration,
    /// The largest header, request line included, in bytes.
    pub max_header_bytes: usize,
    /// Time limit for a whole body; also how long in all a sender may make us wait while it reads its answer.
    pub body_timeout: Duration,
    /// How long an idle connection is kept open for its next request.
    pub keepalive_timeout: Duration,
    /// The most memory for bodies and large headers held at once, in bytes.
    pub max_buffered_bytes: u64,
    /// Peers whose forwarding headers are believed.
    pub trusted_proxies: TrustedPeers,
    /// Which forwarding headers are read.
    pub forwarding: Family,
    /// Hosts that a trusted proxy may name, in small letters and without a default port; see
    /// [`Self::is_public_host`].
    pub public_hosts: Vec<String>,
    /// How long requests in flight may take to end after `SIGTERM`.
    pub shutdown_grace: Duration,
    /// Whether the configuration is reloaded when its file, or one that it names, changes.
    pub watch: bool,
    /// The file that says which process serves; an absolute path.
    pub pid_file: Option<PathBuf>,
    /// The Unix socket by which listening sockets are handed to a successor; an absolute path of at most
    /// 107 bytes. Only where there is a `pid_file`.
    pub upgrade_socket: Option<PathBuf>,
}

/// `[server.tls]`.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// Where to listen. Port 0 takes any free one.
    pub listen: Vec<SocketAddr>,
    /// What it proves itself with: the one with the name that a sender asks for, else the first. Empty
    /// where files were not read.
    pub certificates: Vec<TlsCertificate>,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
    /// The lowest version that is spoken.
    pub min_version: TlsVersion,
    /// The authorities, as DER, of which senders need a certificate.
    pub client_ca: Option<Vec<Vec<u8>>>,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct TlsCertificate {
    /// The chain and the key.
    pub certified: Arc<CertifiedKey>,
    /// The names that it is for, in small letters, and addresses; a name may begin with `*.`.
    pub names: Vec<String>,
    /// What it is called in the metrics.
    pub subject: String,
    /// When it begins, in seconds since the epoch.
    pub not_before: i64,
    /// When it ends, in seconds since the epoch.
    pub not_after: i64,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl ServerConfig {
    /// Whether a host, as it was called over `scheme` (`http` or `https`), is one of `public_hosts`.
    /// Capitals, and the default port of the scheme, make no difference.
    #[must_use]
    pub fn is_public_host(&self, scheme: &str, host: &str) -> bool {
        let host = without_default_port(scheme, host);
        let mut hosts = self.public_hosts.iter();
        hosts.any(|public| public.eq_ignore_ascii_case(host))
    }
}

/// A host without the port that is `scheme`'s own (RFC 9110 section 4.2: 80 for `http`, 443 for
/// `https`; none at all after the colon is the same).
#[must_use]
pub fn without_default_port<'a>(scheme: &str, host: &'a str) -> &'a str {
    let port = if scheme == "https" { ":443" } else { ":80" };
    host.strip_suffix(port)
        .or_else(|| host.strip_suffix(':'))
        .unwrap_or(host)
}

/// `[admin]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Names under which operators reach it beside addresses and names without a dot: in small letters, without a
    /// port.
    pub hosts: Vec<String>,
}

/// `[log]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogConfig {
    /// The least important level that is written.
    pub level: LogLevel,
    /// How lines look.
    pub format: LogFormat,
}

/// `[log] level`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LogLevel {
    /// Failures.
    Error,
    /// Failures, refusals and what looks wrong.
    Warn,
    /// The same, and what starts, stops and changes.
    #[default]
    Info,
    /// The same, and every request.
    Debug,
    /// Everything.
    Trace,
}

/// `[log] format`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people at a terminal.
    Text,
}

/// `[record]`: where refused requests are kept, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordConfig {
    /// An absolute path.
    pub directory: PathBuf,
    /// How many at most.
    pub max_requests: usize,
    /// How many bytes they take at most, all together.
    pub max_bytes: u64,
    /// How long each is kept.
    pub max_age: Duration,
}

/// `[[route]]`.
#[derive(Clone, Debug)]
pub struct RouteConfig {
    /// The name, a metric label.
    pub name: Arc<str>,
    /// The path.
    pub path: PathPattern,
    /// The methods it takes.
    pub methods: Vec<http::Method>,
    /// Where verified requests go.
    pub upstream: Upstream,
    /// How long the app may take for its whole answer.
    pub upstream_timeout: Duration,
    /// How long connecting to the app may take, with all attempts.
    pub upstream_connect_timeout: Duration,
    /// How long an idle connection to the app is kept.
    pub upstream_idle_timeout: Duration,
    /// What is spoken with the app.
    pub upstream_protocol: UpstreamProtocol,
    /// The certificates (DER) of the authorities that an https upstream is verified against; the
    /// system's where there are none.
    pub upstream_ca: Option<Vec<Vec<u8>>>,
    /// How the app's `Retry-After` on a 429 is passed on.
    pub retry_after: RetryAfter,
    /// The public URL of this route, where it is configured.
    pub public_url: Option<PublicBase>,
    /// Whether what does not verify is refused.
    pub enforce: bool,
    /// Whether each of its requests has a line in the log.
    pub access_log: bool,
    /// Whether mismatches are examined.
    pub diagnose: bool,
    /// The largest body, in bytes.
    pub max_body_bytes: u64,
    /// What is kept of its requests.
    pub record: Record,
    /// Which of its verified requests are stored.
    pub spool: SpoolMode,
    /// How long it is tried to deliver a stored one.
    pub spool_max_age: Duration,
    /// Whether stored ones are delivered one after the other, as they came.
    pub spool_in_order: bool,
    /// `[route.verify]`.
    pub verify: VerifyConfig,
}

/// `record` of a route.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Record {
    /// Nothing.
    #[default]
    Off,
    /// Refused requests, in the directory of `[record]`.
    Refused,
}

/// `upstream_protocol`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Hash)]
#[schemars(inline)]
pub enum UpstreamProtocol {
    /// HTTP/1.1 (RFC 9112).
    #[default]
    #[serde(rename = "http/1.1")]
    Http1,
    /// HTTP/2 (RFC 9113): over https by ALPN, over http and Unix sockets by prior knowledge.
    #[serde(rename = "h2")]
    Http2,
}

/// `retry_after`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum RetryAfter {
    /// As the app wrote it.
    #[default]
    AsIs,
    /// The app writes seconds or a date (RFC 9110 section 10.2.3), and the sender is told milliseconds.
    SecondsToMs,
}

/// `public_url`, ready to have the rest of a target appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicBase {
    /// The URL without a trailing `/`.
    pub base: String,
    /// It has a path, which takes the place of the route's.
    pub has_path: bool,
    /// A `/` at its end was taken off.
    pub ended_in_slash: bool,
}

impl PublicBase {
    /// Scheme and host, for logs.
    #[must_use]
    pub fn origin(&self) -> &str {
        let host = self.base.find("://").map_or(0, |at| at.saturating_add(3));
        let path = self.base.get(host..).and_then(|rest| rest.find('/'));
        path.and_then(|path| self.base.get(..host.saturating_add(path)))
            .unwrap_or(&self.base)
    }

    /// What follows scheme and host, for logs.
    #[must_use]
    pub fn path(&self) -> &str {
        self.base.get(self.origin().len()..).unwrap_or_default()
    }
}

/// `[route.verify]`.
#[derive(Clone, Debug)]
pub enum VerifyConfig {
    /// `scheme = "hubspot"`, `"twenty"` or another provider.
    Signature {
        /// Who sends.
        provider: &'static Provider,
        /// The accepted versions; empty where the provider has one scheme, without versions.
        versions: Vec<String>,
        /// What a body may begin with.
        body_start: BodyStart,
        /// How old or early a signed timestamp may be.
        freshness: Freshness,
        /// What a request with a signed time is answered that came before; `None` where it may come again.
        on_replay: Option<OnReplay>,
        /// The secrets; empty where reading them was skipped.
        secrets: Vec<Secret>,
    },
    /// `scheme = "api-key"`.
    ApiKey {
        /// Where the key is sent.
        location: ApiKeyLocation,
        /// Whether the key is taken out before forwarding.
        strip: bool,
        /// Who sends, where it is known: the answers follow its rules for repeating a request.
        sender: Option<&'static Provider>,
        /// The keys; empty where reading them was skipped.
        secrets: Vec<Secret>,
    },
}

impl VerifyConfig {
    /// The secrets.
    #[must_use]
    pub fn secrets(&self) -> &[Secret] {
        match self {
            Self::Signature { secrets, .. } | Self::ApiKey { secrets, .. } => secrets,
        }
    }

    /// What a request with a signed time is answered that came before; `None` where it may come again.
    #[must_use]
    pub fn on_replay(&self) -> Option<OnReplay> {
        match self {
            Self::Signature { on_replay, .. } => *on_replay,
            Self::ApiKey { .. } => None,
        }
    }

    /// How old or early a signed time may be; `None` where no accepted scheme signs one.
    #[must_use]
    pub fn freshness(&self) -> Option<Freshness> {
        let signs_time = |scheme: &Scheme| scheme.timestamp_header.is_some();
        match self {
            Self::Signature { freshness, .. } => {
                self.schemes().any(signs_time).then_some(*freshness)
            }
            Self::ApiKey { .. } => None,
        }
    }

    /// Who sends, where it is known: the answers follow its rules for repeating a request.
    #[must_use]
    pub fn sender(&self) -> Option<&'static Provider> {
        match self {
            Self::Signature { provider, .. } => Some(provider),
            Self::ApiKey { sender, .. } => *sender,
        }
    }

    /// The accepted signature schemes; none for API keys.
    pub fn schemes(&self) -> impl Iterator<Item = &'static Scheme> {
        let (schemes, versions) = match self {
            Self::Signature {
                provider, versions, ..
            } => (provider.schemes, versions.as_slice()),
            Self::ApiKey { .. } => (&[][..], &[][..]),
        };
        schemes.iter().filter(move |scheme| {
            versions.is_empty() || versions.iter().any(|version| version == scheme.version)
        })
    }
}

/// What a configuration is judged with.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether secrets are read.
    pub secrets: Secrets,
    /// The providers that it can name.
    pub providers: Providers,
}

/// Whether secrets are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Files and environment variables are read.
    Read,
    /// They are not: a configuration is checked where its secrets are not at hand.
    Skip,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_port_makes_no_difference() {
        for (scheme, host, without) in [
            ("https", "a.example:443", "a.example"),
            ("http", "a.example:80", "a.example"),
            ("https", "a.example:", "a.example"),
            ("https", "[::1]:443", "[::1]"),
            ("https", "a.example:80", "a.example:80"),
            ("http", "a.example:443", "a.example:443"),
            ("https", "a.example:8443", "a.example:8443"),
            ("https", "[::443]", "[::443]"),
        ] {
            assert_eq!(
                without_default_port(scheme, host),
                without,
                "{scheme} {host}"
            );
        }
    }
}
