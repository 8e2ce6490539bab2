//! The configuration: what an operator may say, read strictly and judged as a whole.
//!
//! A file goes through three steps. [`parse`] turns text into the raw structs and finds syntax
//! errors, unknown keys and wrong types. [`validate`] judges what the keys mean together, resolves
//! secrets and fills in defaults. Both gather findings instead of stopping at the first, because an
//! operator with a production problem should not have to start the program five times to see five
//! mistakes. What comes out, [`Config`], holds only sound values; nothing after it checks again.

mod authorities;
mod explain;
mod finding;
mod not_after;
mod parse;
mod raw;
mod report;
mod review;
mod route;
mod schema;
mod secret;
mod spanned;
mod units;
mod upstream;
mod validate;
mod verification;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;
use zeroize::Zeroizing;

pub use authorities::{AuthoritiesError, read_authorities};
pub use finding::{Finding, Severity};
pub use not_after::time_left;
pub use report::{Source, to_json};
pub use schema::schema;
pub use secret::{SecretError, read_secret_file};
pub use upstream::{Upstream, UpstreamError};

use crate::handoff::forwarding::Family;
use crate::providers;
use crate::route::pattern::PathPattern;
use crate::verify::{ApiKeyLocation, Freshness, Provider, Secret};

/// A sound configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[server]`.
    pub server: ServerConfig,
    /// `[admin] listen`.
    pub admin: SocketAddr,
    /// `[log]`.
    pub log: LogConfig,
    /// `[[route]]`, in the order of the file.
    pub routes: Vec<RouteConfig>,
}

/// `[server]`.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen. Port 0 takes any free one.
    pub listen: Vec<SocketAddr>,
    /// Worker threads; 0 means one a core.
    pub threads: usize,
    /// Connections open at once.
    pub max_connections: usize,
    /// For a whole header, from its first byte, and for a first byte of a new connection.
    pub header_timeout: Duration,
    /// The largest header, request line included, in bytes.
    pub max_header_bytes: usize,
    /// For a whole body.
    pub body_timeout: Duration,
    /// How long an idle connection is kept for a next request.
    pub keepalive_timeout: Duration,
    /// The sum of all bodies held at once, in bytes.
    pub max_buffered_bytes: u64,
    /// Peers whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Which forwarding headers are read.
    pub forwarding: Family,
    /// Hosts that a trusted proxy may name, lowercase.
    pub public_hosts: Vec<String>,
    /// How long requests in flight may take to end after `SIGTERM`.
    pub shutdown_grace: Duration,
    /// Whether a change of the file, or of one it names, is taken over.
    pub watch: bool,
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
    /// What failed.
    Error,
    /// And what was refused or looks wrong.
    Warn,
    /// And what starts and stops.
    #[default]
    Info,
    /// And every request.
    Debug,
    /// And every step.
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
    /// The certificates (DER) of the authorities that an https upstream is verified against; the
    /// system's where there are none.
    pub upstream_ca: Option<Vec<Vec<u8>>>,
    /// What becomes of the app's `Retry-After`.
    pub retry_after: RetryAfter,
    /// The public URL of this route, where it is configured.
    pub public_url: Option<PublicBase>,
    /// Whether what does not verify is refused.
    pub enforce: bool,
    /// The largest body, in bytes.
    pub max_body_bytes: u64,
    /// `[route.verify]`.
    pub verify: VerifyConfig,
}

/// `retry_after`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum RetryAfter {
    /// It passes as the app wrote it.
    #[default]
    AsIs,
    /// On a 429 the app means seconds or a date, and HubSpot is told milliseconds.
    SecondsToMs,
}

/// `public_url`, ready to have the rest of a target appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicBase {
    /// The URL without a trailing `/`.
    pub base: String,
    /// It has a path, which takes the place of the route's.
    pub has_path: bool,
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
}

/// `[route.verify]`.
#[derive(Clone, Debug)]
pub enum VerifyConfig {
    /// `scheme = "hubspot"` or `"twenty"`.
    Signature {
        /// Who sends.
        provider: &'static Provider,
        /// The accepted versions.
        versions: Vec<String>,
        /// How old or early a signed timestamp may be.
        freshness: Freshness,
        /// The secrets; empty where reading them was skipped.
        secrets: Vec<Secret>,
    },
    /// `scheme = "api-key"`.
    ApiKey {
        /// Where the key is sent.
        location: ApiKeyLocation,
        /// Whether the key is taken out before forwarding.
        strip: bool,
        /// The sender is HubSpot, and answers follow its retry rules.
        sender_is_hubspot: bool,
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

    /// Whether HubSpot sends to this route, so that answers follow its retry rules.
    #[must_use]
    pub fn sender_is_hubspot(&self) -> bool {
        match self {
            Self::Signature { provider, .. } => provider.name == providers::HUBSPOT.name,
            Self::ApiKey {
                sender_is_hubspot, ..
            } => *sender_is_hubspot,
        }
    }
}

/// Whether secrets are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// Files and environment variables are read.
    Read,
    /// They are not: a configuration is checked where its secrets are not at hand.
    Skip,
}

/// A configuration and what there is to say about it.
pub struct Loaded {
    /// The configuration, unless there are errors.
    pub config: Option<Config>,
    /// Errors and warnings, in the order of the file.
    pub findings: Vec<Finding>,
    /// The files of secrets and certificates that it names.
    pub files: Vec<PathBuf>,
    /// The file's text, of which [`Source`] shows what may be shown.
    pub text: Zeroizing<String>,
}

/// Why a configuration file could not even be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the configuration {file}: {source}")]
pub struct ReadError {
    file: String,
    source: std::io::Error,
}

impl ReadError {
    /// The same as a finding about the file as a whole.
    #[must_use]
    pub fn finding(&self) -> Finding {
        Finding {
            severity: Severity::Error,
            file: self.file.clone(),
            line: 1,
            column: 1,
            key: String::new(),
            message: self.to_string(),
            help: None,
            span: 0..0,
        }
    }
}

/// Reads and judges a configuration file. Leaves copies of secrets on the stack, which is the
/// caller's to wipe: see [`crate::wipe`].
///
/// # Errors
/// [`ReadError`] if the file cannot be read. What is wrong inside it is in the findings.
pub fn load(path: &Path, secrets: Secrets) -> Result<Loaded, ReadError> {
    let file = path.display().to_string();
    match std::fs::read(path).map(Zeroizing::new) {
        Ok(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(read(&file, text, secrets)),
            Err(_) => Err(ReadError {
                file,
                source: std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8"),
            }),
        },
        Err(source) => Err(ReadError { file, source }),
    }
}

/// Judges the text of a configuration file called `file`.
#[must_use]
pub fn read(file: &str, text: &str, secrets: Secrets) -> Loaded {
    let mut findings = finding::Findings::new(file, text);
    let config = parse::parse(text, &mut findings)
        .and_then(|raw| validate::validate(raw, secrets, &mut findings));
    Loaded {
        config: config.filter(|_| !findings.has_errors()),
        files: findings.files().to_vec(),
        findings: findings.into_sorted(),
        text: Zeroizing::new(text.to_owned()),
    }
}
