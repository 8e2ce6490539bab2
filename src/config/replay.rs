//! What is known of requests that may not come again: `[replay]`, and what a route answers to them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::redis_url::RedisUrl;

/// `[replay]`: where the requests are remembered that may not come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayConfig {
    /// `store = "memory"`.
    Memory {
        /// How many at most; at least 1.
        capacity: usize,
    },
    /// `store = "redis"`.
    Redis(RedisConfig),
}

impl ReplayConfig {
    /// What becomes of requests while the store does not answer. The one in memory always does.
    #[must_use]
    pub fn on_store_failure(&self) -> OnStoreFailure {
        match self {
            Self::Memory { .. } => OnStoreFailure::Reject,
            Self::Redis(config) => config.on_store_failure,
        }
    }

    /// How many requests are remembered at most; `None` where hookward sets no limit.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        match self {
            Self::Memory { capacity } => Some(*capacity),
            Self::Redis(_) => None,
        }
    }
}

/// A Redis or Valkey that processes share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisConfig {
    /// Where it is.
    pub url: RedisUrl,
    /// What the names of its keys begin with.
    pub prefix: String,
    /// How long an answer may take.
    pub timeout: Duration,
    /// What becomes of requests while it does not answer.
    pub on_store_failure: OnStoreFailure,
}

impl RedisConfig {
    /// Whether another configuration is of the same store, reached in the same way.
    #[must_use]
    pub fn is_same_store(&self, other: &Self) -> bool {
        (&self.url, &self.prefix, self.timeout) == (&other.url, &other.prefix, other.timeout)
    }
}

/// `on_store_failure`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum OnStoreFailure {
    /// They are refused.
    #[default]
    Reject,
    /// They are let through, also those that came before.
    Allow,
}

impl OnStoreFailure {
    /// The word in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Allow => "allow",
        }
    }
}

/// `on_replay`: the answer to a request that came before.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum OnReplay {
    /// 409.
    #[default]
    Refuse,
    /// 200 where the app has taken the request, 409 while it is on its way.
    Acknowledge,
}
