//! What is answered at the admin address.
//!
//! The status page and `/status.json` are for whoever asks by a name that is ours alone ([`host`](super::host)), and are
//! made when somebody asks. `/healthz` says that the process lives, `/readyz` whether it should get requests: neither
//! depends on an app or on a store, because a process that is taken out of service for their sake loses what it could
//! have kept, or forwarded by its other routes.

use std::sync::Arc;
use std::time::SystemTime;

use pingora::http::RequestHeader;

use super::host::{HostError, check};
use crate::edge::shared::Shared;
use crate::observe::metrics::SpooledOf;
use crate::server::tasks::Tasks;
use crate::status::snapshot::Snapshot;
use crate::status::{self, Status};
use crate::verify::Timestamp;

/// What is shown is of this moment, and is what it says that it is.
const OF_STATUS: &[(&str, &str)] = &[
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
];

/// An answer to an operator.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    /// Its other fields.
    pub(super) fields: &'static [(&'static str, &'static str)],
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// To a request that cannot be read.
    pub(super) fn unread() -> Self {
        Self::text(400, "the request cannot be read\n")
    }

    fn text(status: u16, text: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            content_type: "text/plain",
            fields: &[],
            body: text.into(),
        }
    }

    fn with_fields(self, fields: &'static [(&'static str, &'static str)]) -> Self {
        Self { fields, ..self }
    }
}

/// What the admin address shows, and what it needs for that.
pub(super) struct Answers {
    shared: Arc<Shared>,
    status: Arc<Status>,
    tasks: Tasks,
}

impl Answers {
    pub(super) fn new(shared: Arc<Shared>, status: Arc<Status>, tasks: Tasks) -> Self {
        Self {
            shared,
            status,
            tasks,
        }
    }

    /// The answer to a request. Its head is all that is read of it.
    pub(super) async fn answer(&self, head: &RequestHeader) -> Answer {
        if !matches!(head.method, http::Method::GET | http::Method::HEAD) {
            return Answer::text(405, "only GET\n");
        }
        match head.uri.path() {
            "/" => self.show(head, page),
            "/status.json" => self.show(head, json),
            "/metrics" => match self.metrics().await {
                Some(text) => Answer {
                    content_type: "text/plain; version=0.0.4",
                    ..Answer::text(200, text)
                },
                None => Answer::text(500, "metrics cannot be written\n"),
            },
            "/healthz" => Answer::text(200, "ok\n"),
            "/readyz" => match self.obstacles() {
                obstacles if obstacles.is_empty() => Answer::text(200, "ready\n"),
                obstacles => Answer::text(503, obstacles.join("\n") + "\n"),
            },
            _ => Answer::text(404, "/ /status.json /metrics /healthz /readyz\n"),
        }
    }

    /// What `shown` makes of the process, for who may see it.
    fn show(&self, head: &RequestHeader, shown: impl FnOnce(&Snapshot) -> Answer) -> Answer {
        let active = self.shared.active.load();
        let answer = match check(head, &active.admin_hosts) {
            Ok(()) => {
                let now = Timestamp::from(SystemTime::now());
                let snapshot = status::take(&self.status, &self.shared, self.obstacles(), now);
                return shown(&snapshot);
            }
            Err(error @ HostError::Unclear) => Answer::text(400, format!("{error}\n")),
            Err(error @ HostError::Foreign) => Answer::text(421, format!("{error}\n")),
        };
        answer.with_fields(OF_STATUS)
    }

    async fn metrics(&self) -> Option<Vec<u8>> {
        let held = i64::try_from(self.shared.services.budget.held()).unwrap_or(i64::MAX);
        let metrics = &self.shared.services.metrics;
        metrics.buffered_bytes.set(held);
        let now = Timestamp::from(SystemTime::now());
        let replay = self.shared.services.replay.seen(now);
        let entries = i64::try_from(replay.entries.unwrap_or(0)).unwrap_or(i64::MAX);
        metrics.replay.entries.set(entries);
        // One that was not asked yet is no trouble.
        metrics
            .replay
            .store_up
            .set((replay.is_ok != Some(false)).into());
        if let Some(spool) = self.shared.services.spool.seen() {
            metrics.spool.set_up(spool.is_ok != Some(false));
        }
        if let Some(totals) = self.shared.services.spool.totals().await {
            let routes = &self.shared.active.load().all_routes;
            let spooling = routes.iter().filter(|route| route.spool.is_on());
            let named = totals.of_routes(spooling.map(|route| &route.name));
            let shown = named.iter().map(|of| SpooledOf {
                route: &of.route,
                waiting: of.waiting,
                dead: of.dead,
                oldest_seconds: of
                    .oldest
                    .map_or(0.0, |oldest| now.seconds_since(oldest).max(0.0)),
            });
            metrics.spool.set(shown, totals.bytes);
        }
        metrics.set_ready(self.obstacles().is_empty());
        metrics.text(now).ok()
    }

    /// Why the process should get no requests now.
    fn obstacles(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if *self.shared.shutdown.borrow() {
            lines.push("stopping".to_owned());
        }
        if self.shared.connections.are_all_busy() {
            let line =
                "all connections that max_connections or the limit of open files allows are in use";
            lines.push(line.to_owned());
        }
        if self.shared.services.descriptors.are_exhausted() {
            let line = "requests use all connections to apps that the limit of open files allows";
            lines.push(line.to_owned());
        }
        lines.extend(
            self.tasks.ended().into_iter().map(|task| {
                format!("a part of hookward has ended, and it must be restarted: {task}")
            }),
        );
        lines
    }
}

/// The status page.
fn page(snapshot: &Snapshot) -> Answer {
    match status::page::render(snapshot) {
        Ok(page) => Answer {
            status: 200,
            content_type: page.content_type,
            fields: page.fields,
            body: page.html.into_bytes(),
        },
        Err(_) => Answer::text(500, "the page cannot be written\n").with_fields(OF_STATUS),
    }
}

/// `/status.json`.
fn json(snapshot: &Snapshot) -> Answer {
    match serde_json::to_vec(snapshot) {
        Ok(json) => Answer {
            content_type: "application/json",
            ..Answer::text(200, json)
        },
        Err(_) => Answer::text(500, "the status cannot be written\n"),
    }
    .with_fields(OF_STATUS)
}
