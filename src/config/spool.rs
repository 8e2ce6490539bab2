//! Where verified requests wait for their apps: `[spool]`, and which of a route do.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::nats_servers::NatsServers;

/// `[spool]`: where events wait until they are delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpoolConfig {
    /// `store = "disk"`.
    Disk(DiskConfig),
    /// `store = "nats"`.
    Nats(NatsConfig),
}

impl SpoolConfig {
    /// Without what can change while the process runs.
    pub(crate) fn without_limit(self) -> Self {
        match self {
            Self::Disk(config) => Self::Disk(DiskConfig {
                max_bytes: 0,
                ..config
            }),
            nats => nats,
        }
    }
}

/// A directory of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskConfig {
    /// An absolute path; another than that of `[record]`.
    pub directory: PathBuf,
    /// How many bytes all events take at most.
    pub max_bytes: u64,
}

/// A stream of a NATS JetStream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsConfig {
    /// Where it is, and who we are to it where the URL says so.
    pub servers: NatsServers,
    /// An absolute path of a file that says who we are; never there together with a login of `servers`.
    pub credentials: Option<PathBuf>,
    /// The name of the stream.
    pub stream: String,
    /// On how many servers the stream is kept, if it is made; 1 to 5.
    pub replicas: u8,
}

/// `spool` of a route: which of its verified requests are stored.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum SpoolMode {
    /// None.
    #[default]
    Off,
    /// Those that the app did not take when they came.
    OnFailure,
    /// All, before they are delivered.
    Always,
}
