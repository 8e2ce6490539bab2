//! The connection to a Redis or Valkey: one to a server, that of a library to a cluster.

use std::time::Duration;

use futures_util::FutureExt;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    RedisError, RedisResult, TlsMode, Value,
};

use super::CONNECTING;
use crate::config::{RedisConfig, RedisTopology};
use crate::observe::text::shown;
use crate::replay::store::StoreError;

/// How much of what a server says is told, in bytes.
const MAX_ERROR_BYTES: usize = 200;
/// How often a command to a cluster is sent again, to a node that knows better or has come back.
const CLUSTER_RETRIES: u32 = 2;
/// The longest pause before that, in milliseconds.
const CLUSTER_RETRY_MILLIS: u64 = 20;

/// How long the system tries to have a command arrive (TCP_USER_TIMEOUT, tcp(7)). Then the connection is lost.
#[cfg(target_os = "linux")]
const ARRIVING: Duration = Duration::from_secs(1);

/// A connection, which many commands share.
pub(super) enum Link {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// Connects.
    pub(super) async fn connect(config: &RedisConfig) -> Result<Self, StoreError> {
        let nodes: Vec<ConnectionInfo> = config.url.nodes().iter().map(prepared).collect();
        let connected = match config.url.topology() {
            RedisTopology::One => connect_to_one(nodes).await.map(Self::One),
            RedisTopology::Cluster => connect_to_cluster(nodes, config.timeout)
                .await
                .map(Self::Cluster),
            RedisTopology::Sentinel(master) => {
                connect_by_sentinels(nodes, master).await.map(Self::One)
            }
        };
        connected.map_err(|error| StoreError::Down(words(&error, config.url.password())))
    }

    /// Whether a part of it may be of use when another is not.
    pub(super) fn has_parts(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Sends a command and waits for its answer.
    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, StoreError> {
        let answer = match self {
            Self::One(connection) => connection.clone().send_packed_command(command).await,
            Self::Cluster(connection) => connection.clone().req_packed_command(command).await,
        };
        match answer.and_then(Value::extract_error) {
            Ok(answer) => Ok(answer),
            Err(error) if error.kind() == redis::ErrorKind::Io || error.is_connection_dropped() => {
                Err(StoreError::Lost(words(&error, None)))
            }
            Err(error) if error.code().is_some() => Err(StoreError::Refused(words(&error, None))),
            Err(error) => Err(StoreError::Lost(words(&error, None))),
        }
    }

    /// Sends a command whose answer nobody waits for. `false` where it cannot be sent at once.
    pub(super) fn send(&self, command: &mut Cmd) -> bool {
        match self {
            Self::One(connection) => {
                // Without this, it is not sent where nobody waits.
                command.set_no_response(true);
                let sent = connection
                    .clone()
                    .send_packed_command(command)
                    .now_or_never();
                matches!(sent, Some(Ok(_)))
            }
            Self::Cluster(_) => false,
        }
    }
}

async fn connect_to_one(nodes: Vec<ConnectionInfo>) -> RedisResult<MultiplexedConnection> {
    let node = nodes.into_iter().next().ok_or_else(no_node)?;
    Client::open(node)?
        .get_multiplexed_async_connection_with_config(&settings())
        .await
}

/// All sentinels are asked at once, because one may be silent.
async fn connect_by_sentinels(
    sentinels: Vec<ConnectionInfo>,
    master: &str,
) -> RedisResult<MultiplexedConnection> {
    if sentinels.is_empty() {
        return Err(no_node());
    }
    let asked = sentinels
        .into_iter()
        .map(|sentinel| Box::pin(connect_by_sentinel(sentinel, master)));
    let (connection, _) = futures_util::future::select_ok(asked).await?;
    Ok(connection)
}

async fn connect_by_sentinel(
    sentinel: ConnectionInfo,
    master: &str,
) -> RedisResult<MultiplexedConnection> {
    // User, password and database of the URL are the server's.
    let mut server = SentinelNodeConnectionInfo::default()
        .set_redis_connection_info(sentinel.redis_settings().clone())
        .set_tcp_settings(sentinel.tcp_settings().clone());
    if let ConnectionAddr::TcpTls { .. } = sentinel.addr() {
        server = server.set_tls_mode(TlsMode::Secure);
    }
    let address = sentinel.addr().clone().into_connection_info()?;
    let address = address.set_tcp_settings(sentinel.tcp_settings().clone());
    let kind = SentinelServerType::Master;
    SentinelClient::build(vec![address], master, Some(server), kind)?
        .get_async_connection_with_config(&settings())
        .await
}

async fn connect_to_cluster(
    nodes: Vec<ConnectionInfo>,
    timeout: Duration,
) -> RedisResult<ClusterConnection> {
    ClusterClientBuilder::new(nodes)
        .connection_timeout(CONNECTING)
        .response_timeout(timeout)
        .retries(CLUSTER_RETRIES)
        .min_retry_wait(1)
        .max_retry_wait(CLUSTER_RETRY_MILLIS)
        .tcp_settings(tcp())
        .build()?
        .get_async_connection()
        .await
}

/// Answers are bounded by whoever asks.
fn settings() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECTING))
        .set_response_timeout(None)
}

/// Commands are sent when they are there, and the library does not introduce itself.
fn prepared(node: &ConnectionInfo) -> ConnectionInfo {
    let redis = node.redis_settings().clone().set_skip_set_lib_name();
    node.clone()
        .set_redis_settings(redis)
        .set_tcp_settings(tcp())
}

/// What has not arrived for a while never does: a claim that was given up must not come to the server later, when a
/// network is there again.
fn tcp() -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(ARRIVING);
    settings
}

fn no_node() -> RedisError {
    (redis::ErrorKind::InvalidClientConfig, "no server is named").into()
}

/// An error as it may be told: what a server says is cut and escaped, and a password that it repeats is taken out.
fn words(error: &RedisError, password: Option<&str>) -> String {
    let mut words = error.to_string();
    if let Some(password) = password.filter(|password| !password.is_empty()) {
        words = words.replace(password, "***");
    }
    shown(words.as_bytes(), MAX_ERROR_BYTES)
}
