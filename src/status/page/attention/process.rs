//! What may be the matter with the process.

use super::super::super::snapshot::Snapshot;
use super::super::sections;
use super::super::words::{bytes, count, file_word, percent};
use super::{Found, NEAR};

pub(super) fn look(snapshot: &Snapshot, found: &mut Found) {
    readiness(snapshot, found);
    configuration(snapshot, found);
    stores(snapshot, found);
    limits(snapshot, found);
}

fn readiness(snapshot: &Snapshot, found: &mut Found) {
    if !snapshot.ready {
        let why = match snapshot.not_ready.join("; ") {
            why if why.is_empty() => "it does not say why".to_owned(),
            why => why,
        };
        found.trouble(
            "not ready",
            format!("It should get no requests: {why}"),
            "If it is not being stopped, see what takes its connections; if a part of it has \
             ended, restart it.",
            sections::NOT_READY,
        );
    }
}

fn configuration(snapshot: &Snapshot, found: &mut Found) {
    let config = &snapshot.config;
    if let Some(error) = &config.last_error {
        found.trouble(
            "configuration",
            format!("A changed configuration was refused: {error}"),
            "The one before stays in use. Find the line that is wrong:",
            sections::RELOAD_REFUSED,
        );
        let file = file_word(&config.file);
        found.run(format!("hookward check --config {file}"));
    }
}

fn stores(snapshot: &Snapshot, found: &mut Found) {
    let replay = &snapshot.replay;
    if replay.ok == Some(false) {
        found.trouble(
            "replay store",
            format!("The replay store ({}) does not answer", replay.store),
            "Ask it from this machine (redis-cli ping). Until it answers, requests are refused, or \
             let through unchecked where on_store_failure = \"allow\".",
            sections::REPLAY_FAILS,
        );
    }
    if let (Some(entries), Some(capacity)) = (replay.entries, replay.capacity)
        && percent(entries, capacity) >= NEAR
    {
        found.trouble(
            "replay store",
            format!(
                "The replay store is nearly full: {} of {} requests",
                count(entries),
                count(capacity)
            ),
            "Raise replay.capacity: when it is full, the oldest requests are forgotten and could \
             come again.",
            sections::REPLAY_FULL,
        );
    }
    let Some(spool) = &snapshot.spool else { return };
    if spool.ok == Some(false) {
        let store = spool.store;
        found.trouble(
            "spool",
            format!("The store of events ({store}) does not do its part"),
            "Look at spool_failed in the log: a full disk, max_bytes, or a NATS that is away. \
             What the app does not take is not kept meanwhile.",
            sections::SPOOL_FAILS,
        );
    }
    if let (Some(held), Some(most)) = (spool.bytes, spool.max_bytes)
        && percent(held, most) >= NEAR
    {
        found.trouble(
            "spool",
            format!(
                "The store of events is nearly full: {} of {}",
                bytes(held),
                bytes(most)
            ),
            "Find out why the apps do not take their events, or raise spool.max_bytes.",
            sections::SPOOL_FULL,
        );
    }
}

fn limits(snapshot: &Snapshot, found: &mut Found) {
    let limits = &snapshot.limits;
    let near = percent(limits.connections, limits.max_connections);
    if near >= NEAR {
        found.trouble(
            "connections",
            format!(
                "{near} % of all connections are in use: {} of {}",
                count(limits.connections),
                count(limits.max_connections)
            ),
            "Raise max_connections and the limit of open files, or find out who holds so many.",
            sections::CONNECTIONS,
        );
    }
    let near = percent(limits.buffered_bytes, limits.max_buffered_bytes);
    if near >= NEAR {
        found.trouble(
            "memory",
            format!(
                "{near} % of the memory for bodies is in use: {} of {}",
                bytes(limits.buffered_bytes),
                bytes(limits.max_buffered_bytes)
            ),
            "When it is full, senders are told to come again. Find out why the app is slow, or \
             raise max_buffered_bytes.",
            sections::MEMORY,
        );
    }
}
