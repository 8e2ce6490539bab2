//! The configuration: what an operator may say, read strictly and judged as a whole.
//!
//! A file goes through two steps. `reading` turns text into raw structs and finds syntax errors,
//! unknown keys and wrong types. `judging` decides what the keys mean together, reads secrets and
//! fills in defaults. Both gather findings instead of stopping at the first, because an operator with
//! a production problem should not have to start the program five times to see five mistakes. What
//! comes out, [`Config`], holds only sound values; nothing after it checks again. `reporting` shows
//! findings with their lines, and no secret.

mod finding;
mod judging;
mod listen_address;
mod nats_servers;
mod nearest;
mod reading;
mod redis_url;
mod replay;
mod reporting;
mod scheme_keys;
mod settings;
mod shown;
mod spool;
mod upstream;
mod url_parts;

use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

pub use finding::{Finding, Severity};
use finding::{Findings, Gathered};
pub use judging::authorities::{AuthoritiesError, read_authorities};
pub use judging::secret_source::{SecretError, read_secret_file};
pub use listen_address::ListenAddress;
pub use nats_servers::{NatsLogin, NatsServers, NatsServersError};
pub use reading::not_after::time_left;
pub use reading::schema::schema;
pub use redis_url::{RedisTopology, RedisUrl, RedisUrlError};
pub use replay::{OnReplay, OnStoreFailure, RedisConfig, ReplayConfig};
pub use reporting::source::{Source, Text};
pub use reporting::to_json;
pub use settings::{
    AdminConfig, Config, LogConfig, LogFormat, LogLevel, Options, PublicBase, Record, RecordConfig,
    RetryAfter, RouteConfig, Secrets, ServerConfig, TlsCertificate, TlsConfig, TlsVersion,
    UpstreamProtocol, VerifyConfig, without_default_port,
};
pub use spool::{DiskConfig, NatsConfig, SpoolConfig, SpoolMode};
pub use upstream::{Upstream, UpstreamError};

/// A configuration and what there is to say about it.
pub struct Loaded {
    /// The configuration, unless there are errors.
    pub config: Option<Config>,
    /// Errors and warnings, in the order of the file.
    pub findings: Vec<Finding>,
    /// The files of secrets and certificates that it names.
    pub files: Vec<PathBuf>,
    /// The file's text, of which [`Source`] shows what may be shown.
    pub text: Text,
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

/// The largest configuration file, in bytes: room for ten thousand routes.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Reads and judges a configuration file. Leaves copies of secrets on the stack, which is the
/// caller's to wipe: see [`crate::wipe`].
///
/// # Errors
/// [`ReadError`] if the file cannot be read. What is wrong inside it is in the findings.
pub fn load(path: &Path, options: Options) -> Result<Loaded, ReadError> {
    let file = path.display().to_string();
    match read_file(path) {
        Ok(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(read(&file, text, options)),
            Err(_) => Err(ReadError {
                file,
                source: std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8"),
            }),
        },
        Err(source) => Err(ReadError { file, source }),
    }
}

/// What the file holds: it may be a pipe, and may have no end.
fn read_file(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let file = std::fs::File::open(path)?;
    let read = file
        .take(MAX_FILE_BYTES.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        let message = "it is larger than 4 MiB";
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            message,
        ));
    }
    Ok(bytes)
}

/// Judges the text of a configuration file called `file`.
#[must_use]
pub fn read(file: &str, text: &str, options: Options) -> Loaded {
    let mut findings = Findings::new(file, text);
    let config = reading::parse::parse(text, &mut findings)
        .and_then(|raw| judging::judge(raw, options, &mut findings));
    let config = config.filter(|_| !findings.has_errors());
    let Gathered {
        findings,
        files,
        secrets,
    } = findings.finish();
    Loaded {
        config,
        findings,
        files,
        text: Text::new(text, secrets),
    }
}
