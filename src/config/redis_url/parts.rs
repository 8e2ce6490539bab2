//! The parts of a `replay.url`: credentials, servers, and what stands behind them.

use super::{RedisTopology, RedisUrlError};
use crate::config::url_parts::{is_of, read_number, read_server, unescaped};

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
            .map(|server| Ok(read_server(server, default)?))
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

/// The number of a database; 0 where none is written.
pub(super) fn read_database(text: &str) -> Result<u32, RedisUrlError> {
    if text.is_empty() {
        return Ok(0);
    }
    read_number(text).ok_or(RedisUrlError::Database)
}

/// Whether a text is `USER:PASSWORD` or `:PASSWORD`, with escapes that can be undone. A user without a password
/// would not be told to the server, and a second `@` may be the credentials of the next of several servers.
pub(super) fn are_credentials(text: &str) -> bool {
    let password = text.split_once(':').map(|(_, password)| password);
    password.is_some_and(|password| !password.is_empty())
        && !text.contains('@')
        && unescaped(text).is_some()
}
