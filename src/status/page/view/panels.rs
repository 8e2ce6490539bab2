//! What is not of one route: stores, limits, the configuration, the program.

use super::super::super::snapshot::Snapshot;
use super::super::words::{ago, bytes, count, counted, moment, percent};
use super::meter::Meter;

/// The panels.
pub(in super::super) struct Panels<'a> {
    pub(in super::super) spool: Option<Store>,
    pub(in super::super) replay: Store,
    pub(in super::super) limits: [Limit; 2],
    pub(in super::super) file: &'a str,
    pub(in super::super) applied: String,
    pub(in super::super) reloads: String,
    pub(in super::super) reload_error: Option<&'a str>,
    pub(in super::super) version: &'static str,
    pub(in super::super) revision: &'static str,
    pub(in super::super) started: String,
}

/// A store.
pub(in super::super) struct Store {
    pub(in super::super) kind: &'static str,
    /// `None` before it was asked.
    pub(in super::super) is_ok: Option<bool>,
    pub(in super::super) holds: Vec<String>,
    pub(in super::super) meter: Option<Meter>,
}

/// A limit of the process.
pub(in super::super) struct Limit {
    pub(in super::super) name: &'static str,
    pub(in super::super) words: String,
    pub(in super::super) meter: Meter,
}

impl<'a> Panels<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let config = &snapshot.config;
        Self {
            spool: spool(snapshot),
            replay: replay(snapshot),
            limits: limits(snapshot),
            file: &config.file,
            applied: format!(
                "{} ({})",
                ago(config.applied_at, snapshot.at),
                moment(config.applied_at)
            ),
            reloads: match config.reloads {
                0 => "not changed since the start".to_owned(),
                times => format!("{} since the start", counted(times, "change")),
            },
            reload_error: config.last_error.as_deref(),
            version: snapshot.hookward,
            revision: snapshot.revision,
            started: format!(
                "{} ({})",
                ago(snapshot.started_at, snapshot.at),
                moment(snapshot.started_at)
            ),
        }
    }
}

fn replay(snapshot: &Snapshot) -> Store {
    let replay = &snapshot.replay;
    let mut holds = Vec::new();
    let mut meter = None;
    if let Some(entries) = replay.entries {
        let mut words = format!("{} remembered", counted(entries, "request"));
        if let Some(capacity) = replay.capacity {
            let full = percent(entries, capacity);
            words.push_str(&format!(", {full} % of {}", count(capacity)));
            meter = Some(Meter::of(full, format!("Replay store: {words}")));
        }
        holds.push(words);
    }
    Store {
        kind: replay.store,
        is_ok: replay.ok,
        holds,
        meter,
    }
}

fn spool(snapshot: &Snapshot) -> Option<Store> {
    let spool = snapshot.spool.as_ref()?;
    let of_routes = || {
        snapshot
            .routes
            .iter()
            .filter_map(|route| route.spool.as_ref())
    };
    let waiting = of_routes().fold(0, |sum: u64, of| sum.saturating_add(of.waiting));
    let dead = of_routes().fold(0, |sum: u64, of| sum.saturating_add(of.dead));
    let mut holds = vec![
        format!("{} waiting", counted(waiting, "event")),
        counted(dead, "dead letter"),
    ];
    if let Some(oldest) = of_routes().filter_map(|of| of.oldest_at).min() {
        holds.push(format!("the oldest came {}", ago(oldest, snapshot.at)));
    }
    let mut meter = None;
    if let Some(held) = spool.bytes {
        if let Some(most) = spool.max_bytes {
            let words = format!("{} of {}", bytes(held), bytes(most));
            meter = Some(Meter::of(
                percent(held, most),
                format!("The store of events holds {words}"),
            ));
            holds.push(words);
        } else {
            holds.push(bytes(held));
        }
    }
    Some(Store {
        kind: spool.store,
        is_ok: spool.ok,
        holds,
        meter,
    })
}

fn limits(snapshot: &Snapshot) -> [Limit; 2] {
    let limits = &snapshot.limits;
    let limit = |name: &'static str, part: u64, whole: u64, shown: fn(u64) -> String| {
        let percent = percent(part, whole);
        let words = format!("{} of {}, {percent} %", shown(part), shown(whole));
        Limit {
            name,
            meter: Meter::of(percent, format!("{name}: {words}")),
            words,
        }
    };
    [
        limit(
            "Connections",
            limits.connections,
            limits.max_connections,
            count,
        ),
        limit(
            "Memory for bodies",
            limits.buffered_bytes,
            limits.max_buffered_bytes,
            bytes,
        ),
    ]
}
