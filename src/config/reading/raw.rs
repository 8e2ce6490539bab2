//! The configuration file as it is written: one struct a table, one field a key.
//!
//! Every field is optional here, because which keys are required, and what goes together, is judged in
//! `judging`, where all findings are gathered. What serde refuses (unknown keys, wrong types) is gathered
//! by [`super::parse`]. Spans are kept, so that every finding names its place. Names of providers and
//! versions are plain texts here: which ones exist is for `judging` to know. The JSON Schema that editors
//! use is generated from these types and their comments, in [`super::schema`].

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::listen::RawListen;
use super::not_after::NotAfter;
use super::spanned::Spanned;
use super::units::{HumanDuration, HumanSize};
use crate::config::replay::{OnReplay, OnStoreFailure};
use crate::config::settings::{LogFormat, LogLevel, Record, RetryAfter, UpstreamProtocol};
use crate::config::spool::SpoolMode;
use crate::verify::BodyStart;

type Value<T> = Option<Spanned<T>>;

/// hookward's configuration.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "hookward")]
pub(crate) struct RawConfig {
    /// Where senders connect, and the limits of what they get.
    #[schemars(required)]
    pub(crate) server: Value<RawServer>,
    /// Where operators connect.
    #[schemars(required)]
    pub(crate) admin: Value<RawAdmin>,
    /// What is logged, on standard error.
    pub(crate) log: Value<RawLog>,
    /// Where refused requests are kept, of routes with record = "refused".
    pub(crate) record: Value<RawRecord>,
    /// Where requests are remembered, so that each counts once.
    pub(crate) replay: Value<RawReplay>,
    /// Where verified requests wait for their apps, of routes that have `spool`.
    pub(crate) spool: Value<RawSpool>,
    /// The webhooks.
    #[schemars(required, length(min = 1))]
    pub(crate) route: Option<Vec<Spanned<RawRoute>>>,
}

/// Where senders connect, and the limits of what they get.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "server")]
pub(crate) struct RawServer {
    /// The addresses without TLS: IP:PORT, or unix:/PATH. Port 0 takes any free one; the log says which.
    /// Required unless there is [server.tls].
    #[schemars(length(min = 1))]
    pub(crate) listen: Value<Vec<Spanned<RawListen>>>,
    /// Worker threads; 0 means one for each core.
    #[schemars(extend("default" = 0))]
    pub(crate) threads: Value<u16>,
    /// Connections open at once. A newcomer beyond it takes the place of one that has sent nothing, or has been
    /// idle the longest; while all are busy it waits as long as places change hands, and is closed once none did
    /// for two seconds.
    #[schemars(range(min = 1), extend("default" = 10_000))]
    pub(crate) max_connections: Value<u32>,
    /// Time limit for a whole header, from its first byte, and for the first byte of a new connection.
    #[schemars(extend("default" = "10s"))]
    pub(crate) header_timeout: Value<HumanDuration>,
    /// The largest header, request line included; larger ones are answered 431.
    #[schemars(extend("default" = "64KiB"))]
    pub(crate) max_header_bytes: Value<HumanSize>,
    /// Time limit for a whole body, and for how long in all a sender may keep us waiting while it reads
    /// its answer.
    #[schemars(extend("default" = "30s"))]
    pub(crate) body_timeout: Value<HumanDuration>,
    /// How long an idle connection is kept open for its next request.
    #[schemars(extend("default" = "75s"))]
    pub(crate) keepalive_timeout: Value<HumanDuration>,
    /// The largest body; larger ones are answered 413. A route can have its own limit.
    #[schemars(extend("default" = "10MiB"))]
    pub(crate) max_body_bytes: Value<HumanSize>,
    /// Memory for all bodies and large headers held at once; a quarter of it is reserved for requests up to
    /// 64 KiB.
    #[schemars(extend("default" = "256MiB"))]
    pub(crate) max_buffered_bytes: Value<HumanSize>,
    /// Networks whose forwarding headers are believed; "unix": whoever comes by a Unix socket.
    pub(crate) trusted_proxies: Option<Vec<Spanned<String>>>,
    /// The one family of forwarding headers that is read.
    #[schemars(extend("default" = "x-forwarded"))]
    pub(crate) forwarding: Value<RawForwarding>,
    /// Hosts that a trusted proxy may name, for routes without a `public_url`.
    pub(crate) public_hosts: Option<Vec<Spanned<String>>>,
    /// How long requests in flight may take to end after SIGTERM.
    #[schemars(extend("default" = "30s"))]
    pub(crate) shutdown_grace: Value<HumanDuration>,
    /// Reload when this file, or a file of a secret or certificate, changes.
    #[schemars(extend("default" = false))]
    pub(crate) watch: Value<bool>,
    /// HTTP/2 without TLS by prior knowledge, from trusted_proxies alone.
    #[schemars(extend("default" = false))]
    pub(crate) h2c: Value<bool>,
    /// A path that answers 200 or, while hookward stops, 503; for load balancers. It is in no verdict.
    #[schemars(regex(pattern = "^/[^?#*]*$"))]
    pub(crate) health_path: Value<String>,
    /// A file that says which process serves, for programs that send it signals.
    #[schemars(regex(pattern = "^/.*[^/]$"))]
    pub(crate) pid_file: Value<String>,
    /// A Unix socket by which `hookward upgrade` hands listening sockets to the successor. It needs pid_file.
    #[schemars(regex(pattern = "^/.*[^/]$"), length(max = 107))]
    pub(crate) upgrade_socket: Value<String>,
    /// TLS with senders.
    pub(crate) tls: Value<RawTls>,
}

/// TLS with senders.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "tls")]
pub(crate) struct RawTls {
    /// The addresses with TLS, IP:PORT.
    #[schemars(required, length(min = 1), inner(regex(pattern = "^.+:[0-9]{1,5}$")))]
    pub(crate) listen: Value<Vec<Spanned<String>>>,
    /// What hookward proves itself with: the one with the name that a sender asks for, else the first. Read
    /// again at a reload.
    #[schemars(required, length(min = 1))]
    pub(crate) certificates: Value<Vec<Spanned<RawCertificate>>>,
    /// HTTP/2, where the sender offers it.
    #[schemars(extend("default" = true))]
    pub(crate) http2: Value<bool>,
    /// The lowest version that is spoken.
    #[schemars(extend("default" = "1.2"))]
    pub(crate) min_version: Value<RawTlsVersion>,
    /// A PEM file of authorities; senders then need a certificate of one of them.
    pub(crate) client_ca: Value<String>,
}

/// A certificate and its key, in PEM files.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "certificate")]
pub(crate) struct RawCertificate {
    /// The certificate, followed by those that signed it.
    #[schemars(required)]
    pub(crate) cert: Value<String>,
    /// The key.
    #[schemars(required)]
    pub(crate) key: Value<String>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) enum RawTlsVersion {
    #[serde(rename = "1.2")]
    Tls12,
    #[serde(rename = "1.3")]
    Tls13,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(crate) enum RawForwarding {
    XForwarded,
    Forwarded,
}

/// Where operators connect.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "admin")]
pub(crate) struct RawAdmin {
    /// IP:PORT of the status page, /status.json, /metrics, /healthz and /readyz. Keep it off the public network.
    #[schemars(required, regex(pattern = "^.+:[0-9]{1,5}$"))]
    pub(crate) listen: Value<String>,
    /// Names, without a port, by which the status page and /status.json may be asked for. Addresses and names
    /// without a dot need not be named.
    #[schemars(extend("default" = []), inner(regex(pattern = "^[^:/?#@*]+$")))]
    pub(crate) hosts: Option<Vec<Spanned<String>>>,
}

/// What is logged, on standard error.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "log")]
pub(crate) struct RawLog {
    /// The least important level that is written.
    #[schemars(extend("default" = "info"))]
    pub(crate) level: Option<LogLevel>,
    /// One JSON object a line, or text for people.
    #[schemars(extend("default" = "json"))]
    pub(crate) format: Option<LogFormat>,
}

/// Where requests are remembered, so that each counts once.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "replay")]
pub(crate) struct RawReplay {
    /// "memory": in this process. "redis": in a Redis or Valkey, which several processes share.
    #[schemars(extend("default" = "memory"))]
    pub(crate) store: Value<ReplayStore>,
    /// memory: how many requests are remembered. Beyond it the one that expires first is forgotten.
    #[schemars(range(min = 1, max = 100_000_000), extend("default" = 1_000_000))]
    pub(crate) capacity: Value<u32>,
    /// redis, required: redis://HOST:PORT/DB, rediss:// (TLS), unix:///PATH, redis+cluster://HOST:PORT,… or
    /// redis+sentinel://HOST:PORT,…/MASTER/DB. It may have USER:PASSWORD@ before the first host.
    #[schemars(
        with = "Option<String>",
        regex(pattern = "^(rediss?([+](cluster|sentinel))?://[^#]+|unix:/[^#]+)$")
    )]
    pub(crate) url: Value<SecretString>,
    /// redis: what the names of its keys begin with; up to 64 bytes, without braces and control characters.
    #[schemars(
        length(max = 64),
        regex(pattern = "^[^{}\\u0000-\\u001f\\u007f]*$"),
        extend("default" = "hookward:")
    )]
    pub(crate) prefix: Value<String>,
    /// redis: how long an answer may take; up to 10 s.
    #[schemars(extend("default" = "50ms"))]
    pub(crate) timeout: Value<HumanDuration>,
    /// redis: whether requests are refused ("reject") or let through ("allow") while it does not answer.
    #[schemars(extend("default" = "reject"))]
    pub(crate) on_store_failure: Value<OnStoreFailure>,
}

/// `replay.store`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum ReplayStore {
    /// In this process.
    #[default]
    Memory,
    /// In a Redis or Valkey.
    Redis,
}

/// Where verified requests wait for their apps, of routes that have `spool`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "spool")]
pub(crate) struct RawSpool {
    /// "disk": in a directory of this machine. "nats": in a NATS JetStream, which several processes share.
    #[schemars(extend("default" = "disk"))]
    pub(crate) store: Value<SpoolStore>,
    /// disk, required: an absolute path. It is made if it is not there; files are for their owner alone.
    #[schemars(regex(pattern = "^/"))]
    pub(crate) directory: Value<String>,
    /// disk: how many bytes all events take, those that wait and the dead ones. Beyond it nothing is stored.
    #[schemars(extend("default" = "1GiB"))]
    pub(crate) max_bytes: Value<HumanSize>,
    /// nats, required: nats://HOST:PORT or tls://HOST:PORT (TLS); several servers of one NATS are separated by
    /// commas. It may have USER:PASSWORD@ or TOKEN@ before the first host.
    #[schemars(with = "Option<String>", regex(pattern = "^(nats|tls)://[^?#]+$"))]
    pub(crate) url: Value<SecretString>,
    /// nats: an absolute path of a file with a user's credentials, as `nsc` writes it.
    #[schemars(regex(pattern = "^/.*[^/]$"))]
    pub(crate) credentials: Value<String>,
    /// nats: the stream, which is made where it is not there; up to 255 bytes, without blanks and `. * > / \`.
    #[schemars(
        length(max = 255),
        regex(pattern = "^[^\\s\\u0000-\\u001f\\u007f.*>/\\\\]+$"),
        extend("default" = "HOOKWARD")
    )]
    pub(crate) stream: Value<String>,
    /// nats: on how many of its servers the stream is kept, where it is made.
    #[schemars(range(min = 1, max = 5), extend("default" = 1))]
    pub(crate) replicas: Value<u32>,
}

/// `spool.store`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum SpoolStore {
    /// In a directory of this machine.
    #[default]
    Disk,
    /// In a NATS JetStream.
    Nats,
}

/// Where refused requests are kept, of routes with record = "refused".
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "record")]
pub(crate) struct RawRecord {
    /// An absolute path. It is made if it is not there; files are for their owner alone.
    #[schemars(required, regex(pattern = "^/"))]
    pub(crate) directory: Value<String>,
    /// How many requests are kept; the oldest go first.
    #[schemars(range(min = 1), extend("default" = 100))]
    pub(crate) max_requests: Value<u32>,
    /// How many bytes they take, all together.
    #[schemars(extend("default" = "64MiB"))]
    pub(crate) max_bytes: Value<HumanSize>,
    /// How long each is kept.
    #[schemars(extend("default" = "7d"))]
    pub(crate) max_age: Value<HumanDuration>,
}

/// One webhook: who may send it, and where it goes.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "route")]
pub(crate) struct RawRoute {
    /// A label in metrics and logs.
    #[schemars(required, regex(pattern = "^[a-z0-9_-]{1,64}$"))]
    pub(crate) name: Value<String>,
    /// "/hubspot" is that path alone; "/hubspot/*" is every path below it.
    #[schemars(required, regex(pattern = "^/[^?#]*$"))]
    pub(crate) path: Value<String>,
    /// The methods it takes. HEAD is not implied by GET.
    #[schemars(length(min = 1), extend("default" = ["POST"]))]
    pub(crate) methods: Value<Vec<Spanned<String>>>,
    /// The app: http://HOST:PORT, https://HOST:PORT or unix:/PATH.
    #[schemars(required, regex(pattern = "^(https?://[^/?#@]+|unix:/.+)$"))]
    pub(crate) upstream: Value<String>,
    /// Time limit for the app's whole answer.
    #[schemars(extend("default" = "30s"))]
    pub(crate) upstream_timeout: Value<HumanDuration>,
    /// Time limit for connecting to the app; a refused connection is tried again until then.
    #[schemars(extend("default" = "2s"))]
    pub(crate) upstream_connect_timeout: Value<HumanDuration>,
    /// How long an idle connection to the app is kept open; set it below the app's own limit.
    #[schemars(extend("default" = "4s"))]
    pub(crate) upstream_idle_timeout: Value<HumanDuration>,
    /// What is spoken with the app. "h2" is HTTP/2: over https by ALPN, over http and unix by prior knowledge.
    #[schemars(extend("default" = "http/1.1"))]
    pub(crate) upstream_protocol: Value<UpstreamProtocol>,
    /// A PEM file with the certificate authorities that an https upstream is verified against; absent: the
    /// system's.
    pub(crate) upstream_ca: Value<String>,
    /// How the app's Retry-After on a 429 is passed on. "seconds-to-ms" is for senders that read
    /// milliseconds, as HubSpot does.
    #[schemars(extend("default" = "as-is"))]
    pub(crate) retry_after: Value<RetryAfter>,
    /// The URL that the provider calls: scheme and host, or with a path, which then takes the place of the
    /// route's own path in the signed URL.
    #[schemars(regex(pattern = "^https?://[^?#@]+$"))]
    pub(crate) public_url: Value<String>,
    /// false also forwards requests that do not verify, with X-Hookward-Rejection: for trying a route out.
    #[schemars(extend("default" = true))]
    pub(crate) enforce: Value<bool>,
    /// true: the log has one line for each request of the route, whatever became of it.
    #[schemars(extend("default" = false))]
    pub(crate) access_log: Value<bool>,
    /// true: what happened to requests whose signature does not match is found out, as `hookward explain` does,
    /// and told in the log and the metrics. Needs a scheme that signs.
    #[schemars(extend("default" = false))]
    pub(crate) diagnose: Value<bool>,
    /// The largest body; absent: the server's limit.
    pub(crate) max_body_bytes: Value<HumanSize>,
    /// "refused": the last refused requests are kept in the directory of [record], bodies included.
    #[schemars(extend("default" = "off"))]
    pub(crate) record: Value<Record>,
    /// Verified requests are stored by [spool], answered 202 and delivered until the app takes them:
    /// "on-failure", those that it did not take at once; "always", all.
    #[schemars(extend("default" = "off"))]
    pub(crate) spool: Value<SpoolMode>,
    /// How long it is tried to deliver one, at least a second; then it is a dead letter, kept until it is retried or
    /// dropped.
    #[schemars(extend("default" = "3d"))]
    pub(crate) spool_max_age: Value<HumanDuration>,
    /// true: one after the other, as they came. One that is not taken holds up those behind it.
    #[schemars(extend("default" = false))]
    pub(crate) spool_in_order: Value<bool>,
    /// How a request proves its sender.
    #[schemars(required)]
    pub(crate) verify: Value<RawVerify>,
}

/// How a request proves its sender.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "verify")]
pub(crate) struct RawVerify {
    /// Who signs, and how.
    #[schemars(required)]
    pub(crate) scheme: Value<String>,
    /// The accepted versions, where the provider has several: required there. Older ones protect less.
    #[schemars(length(min = 1))]
    pub(crate) versions: Value<Vec<Spanned<String>>>,
    /// "json": a body is empty or begins with a byte that no signed URL can have, so that nothing can
    /// move between the end of the URL and the body. For versions that sign the URL before the body.
    #[schemars(extend("default" = "any"))]
    pub(crate) body_start: Value<RawBodyStart>,
    /// How old a signed timestamp may be.
    #[schemars(extend("default" = "5m"))]
    pub(crate) max_age: Value<HumanDuration>,
    /// How far in the future a signed timestamp may be.
    #[schemars(extend("default" = "5m"))]
    pub(crate) max_skew: Value<HumanDuration>,
    /// 1 to 5, each tried on every request.
    #[schemars(required, length(min = 1, max = 5))]
    pub(crate) secrets: Value<Vec<Spanned<RawSecret>>>,
    /// api-key: the header whose whole value is the key.
    pub(crate) header: Value<String>,
    /// api-key: the query parameter that is the key.
    #[schemars(regex(pattern = "^[^%]+$"))]
    pub(crate) query: Value<String>,
    /// api-key: whether the key is taken out before the app sees it.
    #[schemars(extend("default" = true))]
    pub(crate) strip: Value<bool>,
    /// api-key: the provider that sends, whose rules for repeating a request the answers follow.
    pub(crate) sender: Value<String>,
    /// Whether each request with a signed time counts once. The default is true where an accepted version signs a
    /// time; elsewhere false is the only value.
    pub(crate) replay: Value<bool>,
    /// What a request is answered that came before: "refuse", 409; "acknowledge", 200 once the app has taken it, 409
    /// while it is on its way.
    #[schemars(extend("default" = "refuse"))]
    pub(crate) on_replay: Value<OnReplay>,
}

/// What the body of a request may begin with.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum RawBodyStart {
    /// Any byte.
    Any,
    /// Only a byte that no signed URL can have, as JSON does; or the body is empty.
    Json,
}

impl From<RawBodyStart> for BodyStart {
    fn from(raw: RawBodyStart) -> Self {
        match raw {
            RawBodyStart::Any => Self::Any,
            RawBodyStart::Json => Self::Json,
        }
    }
}

/// A secret: an id and one of `file`, `env` and `value`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "secret")]
pub(crate) struct RawSecret {
    /// Its name in metrics, logs and X-Hookward-Secret.
    #[schemars(required, regex(pattern = "^[A-Za-z0-9._-]{1,64}$"))]
    pub(crate) id: Value<String>,
    /// The secret itself.
    #[schemars(with = "Option<String>")]
    pub(crate) value: Value<SecretString>,
    /// A file that holds it; read again on every reload.
    pub(crate) file: Value<String>,
    /// An environment variable that holds it.
    pub(crate) env: Value<String>,
    /// The time after which it no longer matches, such as "2026-12-01T00:00:00Z".
    pub(crate) not_after: Value<NotAfter>,
}
