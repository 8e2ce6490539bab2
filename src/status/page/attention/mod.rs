//! What needs attention, and what to do about it: the rules behind "All is well".
//!
//! Rules look at the last minutes where there is a history, so that what is mended is no longer told; what is counted
//! since the start serves where there is none. Few requests are not judged by shares: one refusal of two says nothing.

mod app;
mod process;
mod route;
mod secrets;
mod unrouted;

use super::super::snapshot::Snapshot;
use super::sections::Section;

/// So many minutes are "lately".
const LATELY: usize = 15;
/// That many refused requests lately are more than somebody's mistyped test.
const MANY_REFUSED: u64 = 10;
/// So many values say how a distribution is.
const JUDGED: u64 = 20;

/// From then on a limit is near, in percent.
pub(super) const NEAR: u64 = 80;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Somebody should act.
    Trouble,
    /// Good to know.
    Notice,
}

/// One thing that needs attention.
#[derive(Clone, Debug)]
pub(super) struct Concern {
    pub(super) level: Level,
    /// Its place in the snapshot.
    pub(super) route: Option<usize>,
    /// In a word or two, for the route's card.
    pub(super) topic: &'static str,
    pub(super) what: String,
    pub(super) to_do: String,
    /// What to type, if that helps.
    pub(super) command: Option<String>,
    pub(super) section: Section,
}

/// All of them, those that matter most first.
pub(super) fn concerns(snapshot: &Snapshot) -> Vec<Concern> {
    let mut found = Found::default();
    process::look(snapshot, &mut found);
    unrouted::look(snapshot, &mut found);
    for (place, route) in snapshot.routes.iter().enumerate() {
        found.route = Some(place);
        route::look(snapshot, route, &mut found);
    }
    found.concerns.sort_by_key(|concern| concern.level);
    found.concerns
}

#[derive(Default)]
struct Found {
    route: Option<usize>,
    concerns: Vec<Concern>,
}

impl Found {
    fn trouble(
        &mut self,
        topic: &'static str,
        what: String,
        to_do: impl Into<String>,
        section: Section,
    ) {
        self.concerns.push(Concern {
            level: Level::Trouble,
            route: self.route,
            topic,
            what,
            to_do: to_do.into(),
            command: None,
            section,
        });
    }

    fn notice(
        &mut self,
        topic: &'static str,
        what: String,
        to_do: impl Into<String>,
        section: Section,
    ) {
        self.trouble(topic, what, to_do, section);
        if let Some(concern) = self.concerns.last_mut() {
            concern.level = Level::Notice;
        }
    }

    /// The command that goes with what was found last.
    fn run(&mut self, command: String) {
        if let Some(concern) = self.concerns.last_mut() {
            concern.command = Some(command);
        }
    }
}
