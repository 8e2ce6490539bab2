//! The parts of a `replay.url`: credentials, servers, and what stands behind them.

use std::net::Ipv6Addr;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::{RedisTopology, RedisUrlError};

const DEFAULT_PORT: u16 = 6379;
const DEFAULT_PORT_OF_SENTINELS: u16 = 26379;

/// What the scheme says of how the servers belong together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    One,
    Cluster,
    Sentinel,
}

/// What stands behind the servers.
pub(super) struct Path {
    pub(super) topology: RedisTopology,
    pub(super) database: u32,
    /// The same in one spelling.
    pub(super) place: String,
}

impl Kind {
    /// Each `HOST:PORT` of a list.
    pub(super) fn servers(self, hosts: &str) -> Result<Vec<String>, RedisUrlError> {
        if hosts.contains(',') {
            if self == Self::One {
                return Err(RedisUrlError::Several);
            }
            if hosts.split(',').any(str::is_empty) {
                return Err(RedisUrlError::Element);
            }
        }
        let default = match self {
            Self::One | Self::Cluster => DEFAULT_PORT,
            Self::Sentinel => DEFAULT_PORT_OF_SENTINELS,
        };
        hosts
            .split(',')
            .map(|server| read_server(server, default))
            .collect()
    }

    pub(super) fn read_path(self, path: &str) -> Result<Path, RedisUrlError> {
        match self {
            Self::One => {
                let database = read_database(path)?;
                Ok(Path {
                    topology: RedisTopology::One,
                    database,
                    place: format!("/{database}"),
                })
            }
            Self::Cluster => match read_database(path)? {
                0 => Ok(Path {
                    topology: RedisTopology::Cluster,
                    database: 0,
                    place: String::new(),
                }),
                _ => Err(RedisUrlError::ClusterDatabase),
            },
            Self::Sentinel => {
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                if !is_of(master, b".-_") {
                    return Err(RedisUrlError::Master);
                }
                let database = read_database(database)?;
                Ok(Path {
                    place: format!("/{master}/{database}"),
                    topology: RedisTopology::Sentinel(master.to_owned()),
                    database,
                })
            }
        }
    }
}

/// `HOST` or `HOST:PORT`, always with its port.
fn read_server(text: &str, default_port: u16) -> Result<String, RedisUrlError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(RedisUrlError::Host)?;
            let address: Ipv6Addr = address.parse().map_err(|_| RedisUrlError::Host)?;
            let port = match port {
                "" => None,
                port => Some(port.strip_prefix(':').ok_or(RedisUrlError::Host)?),
            };
            (format!("[{address}]"), port)
        }
        None => {
            let (host, port) = match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            let is_host = is_of(host, b".-_") && !port.is_some_and(|port| port.contains(':'));
            (
                is_host
                    .then(|| host.to_owned())
                    .ok_or(RedisUrlError::Host)?,
                port,
            )
        }
    };
    let port = match port {
        Some(port) => read_number(port).ok_or(RedisUrlError::Port)?,
        None => default_port,
    };
    if port == 0 {
        return Err(RedisUrlError::Port);
    }
    Ok(format!("{host}:{port}"))
}

/// The number of a database; 0 where none is written.
pub(super) fn read_database(text: &str) -> Result<u32, RedisUrlError> {
    if text.is_empty() {
        return Ok(0);
    }
    read_number(text).ok_or(RedisUrlError::Database)
}

/// A number in digits alone.
fn read_number<T: FromStr>(text: &str) -> Option<T> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Whether a text consists of letters, digits and `others`, and is not empty.
fn is_of(text: &str, others: &[u8]) -> bool {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
    !text.is_empty() && text.bytes().all(is_one)
}

/// Whether a text is `USER:PASSWORD` or `:PASSWORD`, with escapes that can be undone. A user without a password
/// would not be told to the server, and a second `@` may be the credentials of the next of several servers.
pub(super) fn are_credentials(text: &str) -> bool {
    let password = text.split_once(':').map(|(_, password)| password);
    password.is_some_and(|password| !password.is_empty()) && !text.contains('@') && is_escaped(text)
}

/// Whether every `%` is followed by two hexadecimal digits, and the bytes are UTF-8.
pub(super) fn is_escaped(text: &str) -> bool {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (Some(high), Some(low)) = (digit(), digit()) else {
                    return false;
                };
                u8::try_from(high.saturating_mul(16).saturating_add(low)).unwrap_or_default()
            }
            byte => byte,
        });
    }
    std::str::from_utf8(&bytes).is_ok()
}
