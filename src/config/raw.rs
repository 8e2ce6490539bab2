//! The configuration file as it is written: one struct a table, one field a key.
//!
//! Every field is optional here, because which keys are required, and what goes together, is judged
//! in [`super::validate`], where all findings are gathered. What serde refuses (unknown keys, wrong
//! types) is gathered by [`super::parse`]. Spans are kept, so that every finding names its place.

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::units::{HumanDuration, HumanSize};

type Value<T> = Option<Spanned<T>>;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    pub(super) server: Value<RawServer>,
    pub(super) admin: Value<RawAdmin>,
    pub(super) log: Value<RawLog>,
    pub(super) replay: Value<IgnoredAny>,
    pub(super) route: Option<Vec<Spanned<RawRoute>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawServer {
    pub(super) listen: Value<Vec<Spanned<String>>>,
    pub(super) threads: Value<u16>,
    pub(super) max_connections: Value<u32>,
    pub(super) header_timeout: Value<HumanDuration>,
    pub(super) max_header_bytes: Value<HumanSize>,
    pub(super) body_timeout: Value<HumanDuration>,
    pub(super) keepalive_timeout: Value<HumanDuration>,
    pub(super) max_body_bytes: Value<HumanSize>,
    pub(super) max_buffered_bytes: Value<HumanSize>,
    pub(super) trusted_proxies: Option<Vec<Spanned<String>>>,
    pub(super) forwarding: Value<RawForwarding>,
    pub(super) public_hosts: Option<Vec<Spanned<String>>>,
    pub(super) shutdown_grace: Value<HumanDuration>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawForwarding {
    XForwarded,
    Forwarded,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAdmin {
    pub(super) listen: Value<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLog {
    pub(super) level: Option<super::LogLevel>,
    pub(super) format: Option<super::LogFormat>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRoute {
    pub(super) name: Value<String>,
    pub(super) path: Value<String>,
    pub(super) methods: Value<Vec<Spanned<String>>>,
    pub(super) upstream: Value<String>,
    pub(super) upstream_timeout: Value<HumanDuration>,
    pub(super) upstream_connect_timeout: Value<HumanDuration>,
    pub(super) upstream_idle_timeout: Value<HumanDuration>,
    pub(super) upstream_ca: Value<String>,
    pub(super) retry_after: Value<super::RetryAfter>,
    pub(super) public_url: Value<String>,
    pub(super) enforce: Value<bool>,
    pub(super) max_body_bytes: Value<HumanSize>,
    pub(super) verify: Value<RawVerify>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawScheme {
    Hubspot,
    Twenty,
    ApiKey,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawSender {
    Hubspot,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVerify {
    pub(super) scheme: Value<RawScheme>,
    pub(super) versions: Value<Vec<Spanned<RawVersion>>>,
    pub(super) max_age: Value<HumanDuration>,
    pub(super) max_skew: Value<HumanDuration>,
    pub(super) secrets: Value<Vec<Spanned<RawSecret>>>,
    pub(super) header: Value<String>,
    pub(super) query: Value<String>,
    pub(super) strip: Value<bool>,
    pub(super) sender: Value<RawSender>,
    pub(super) replay: Value<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawVersion {
    V1,
    V2,
    V3,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSecret {
    pub(super) id: Value<String>,
    pub(super) value: Value<SecretString>,
    pub(super) file: Value<String>,
    pub(super) env: Value<String>,
}
