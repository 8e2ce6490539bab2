//! Whether all is well, in words that are read from across the room.

use super::super::super::snapshot::Snapshot;
use super::super::attention::{Concern, Level};
use super::super::sums;
use super::super::words::{ago, count, counted, span};

/// The head of the page.
pub(in super::super) struct Hero {
    /// `well`, `waiting` or `trouble`.
    pub(in super::super) state: &'static str,
    pub(in super::super) headline: String,
    pub(in super::super) summary: String,
}

impl Hero {
    pub(super) fn of(snapshot: &Snapshot, concerns: &[Concern]) -> Self {
        let level = |level| {
            concerns
                .iter()
                .filter(move |concern| concern.level == level)
        };
        let troubles = level(Level::Trouble).count() as u64;
        let notices = level(Level::Notice).count() as u64;
        let seen = sums::of_process(snapshot);
        let is_waiting = seen.is_empty();
        let (state, headline) = match troubles {
            0 if is_waiting => (
                "waiting",
                "All is well, waiting for the first request".to_owned(),
            ),
            0 if seen.let_through() == 0 && seen.rejected > 0 => {
                ("waiting", "No request has verified yet".to_owned())
            }
            0 => ("well", "All is well".to_owned()),
            1 => ("trouble", "1 thing needs attention".to_owned()),
            many => ("trouble", format!("{} things need attention", count(many))),
        };
        let mut summary = traffic(snapshot, is_waiting);
        if notices > 0 {
            summary.push_str(&format!(" {} below.", capital(&counted(notices, "notice"))));
        }
        Self {
            state,
            headline,
            summary,
        }
    }
}

impl Hero {
    /// The picture of the tab.
    pub(in super::super) fn icon(&self) -> &'static str {
        match self.state {
            "trouble" => {
                "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='8' fill='%23b3261e'/%3E%3Cpath d='M8 3v6M8 11.5v1.5' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E"
            }
            _ => {
                "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='8' fill='%23166b43'/%3E%3Cpath d='M4 8.5l3 3 5-6' fill='none' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E"
            }
        }
    }
}

fn traffic(snapshot: &Snapshot, is_waiting: bool) -> String {
    let routes = counted(snapshot.routes.len() as u64, "route");
    let up = span(snapshot.at.0.seconds_since(snapshot.started_at.0));
    if is_waiting {
        return format!("{} served for {up}.", capital(&routes));
    }
    let minutes = snapshot
        .routes
        .iter()
        .map(|route| route.last_hour.as_slice());
    let now = sums::present(&sums::together(minutes));
    let last = snapshot
        .routes
        .iter()
        .filter_map(|route| route.last_verified_at);
    let last = last.max().map_or_else(
        || "none has verified yet".to_owned(),
        |last| format!("the last one {}", ago(last, snapshot.at)),
    );
    let unenforced = match now.unenforced {
        0 => String::new(),
        some => format!(" and {} let through unverified", count(some)),
    };
    format!(
        "{} verified{unenforced} a minute over {routes}, {last}. Up for {up}.",
        capital(&counted(now.verified, "request"))
    )
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
