//! The Redis or Valkey of `[replay]`: whether it answers, and lets its user do what hookward needs. What is tried
//! there is a claim of no request, which is released at once.

use super::report::Line;
use crate::config::{Config, ReplayConfig};
use crate::replay;

const CHECK: &str = "replay";

/// A line where requests are remembered elsewhere.
pub(super) async fn check(config: &Config) -> Option<Line> {
    let ReplayConfig::Redis(redis) = &config.replay else {
        return None;
    };
    let about = format!("{} (replay.url)", redis.url);
    Some(match replay::try_out(redis).await {
        Ok(()) => Line::ok(CHECK, about, "answers, and takes and forgets claims"),
        Err(error) => Line::failed(
            CHECK,
            about,
            error,
            "start it, or correct replay.url; the rights that its user needs are in docs/operations.md",
        ),
    })
}
