//! Where verified requests wait for their apps: a directory that can be used and has room, or a NATS that answers and
//! takes events as large as the routes take bodies.

use super::directory::{Files, judge};
use super::report::Line;
use crate::config::{Config, NatsConfig, SpoolConfig, SpoolMode};
use crate::spool;

const CHECK: &str = "spool";
/// What the head of a request takes of an event, besides its body.
const HEAD_BYTES: u64 = 8 << 10;

/// A line where there is a `[spool]`.
pub(super) async fn check(config: &Config) -> Option<Line> {
    Some(match config.spool.as_ref()? {
        SpoolConfig::Disk(disk) => judge(&Files {
            check: CHECK,
            directory: &disk.directory,
            key: "spool.directory",
            max_bytes: disk.max_bytes,
            max_key: "spool.max_bytes",
            fix: "hookward does not start until then: give it to hookward's user, or correct the path",
            fix_of_room: "make room, or lower max_bytes: what has no room is answered as if there were no spool",
        }),
        SpoolConfig::Nats(nats) => ask(config, nats).await,
    })
}

async fn ask(config: &Config, nats: &NatsConfig) -> Line {
    let about = format!("{} (spool.url)", nats.servers);
    let max_event = match spool::try_out(nats).await {
        Ok(bytes) => bytes,
        Err(error) => {
            let fix = "start it with JetStream, or correct spool.url; until then nothing is stored";
            return Line::failed(CHECK, about, error.to_string(), fix);
        }
    };
    let spooling = config
        .routes
        .iter()
        .filter(|route| route.spool != SpoolMode::Off);
    let max_body = spooling.map(|route| route.max_body_bytes).max();
    match max_body.filter(|body| body.saturating_add(HEAD_BYTES) > max_event) {
        Some(max_body) => {
            let text = format!(
                "answers, and takes events of up to {max_event} bytes (its max_payload); routes take bodies of up to {max_body}"
            );
            let fix = "raise max_payload, or lower max_body_bytes: what is larger is answered as if there were no spool";
            Line::warning(CHECK, about, text, fix)
        }
        None => {
            let text = format!("answers, and takes events of up to {max_event} bytes");
            Line::ok(CHECK, about, text)
        }
    }
}
