//! Requests that were refused. Those that are alike are told once: of a sender with a wrong secret there would be
//! nothing else to be seen.

use std::collections::BTreeSet;

use super::super::super::snapshot::{Refusal, Snapshot};
use super::super::words::{ago, count, moment};

/// An entry: the newest of those that are alike.
pub(in super::super) struct RefusalView<'a> {
    pub(in super::super) refusal: &'a Refusal,
    pub(in super::super) age: String,
    pub(in super::super) at: String,
    pub(in super::super) method: &'a str,
    pub(in super::super) path: &'a str,
    pub(in super::super) has_route: bool,
    /// What was found out about one of them, and what to do.
    pub(in super::super) finding: Option<&'static str>,
    pub(in super::super) fix: &'a str,
    /// How many more there are, and since when.
    pub(in super::super) alike: Option<String>,
}

impl<'a> RefusalView<'a> {
    /// The newest first.
    pub(super) fn all(snapshot: &'a Snapshot) -> Vec<Self> {
        let mut groups: Vec<Vec<&Refusal>> = Vec::new();
        // They are 50 at most.
        for refusal in &snapshot.recent_refusals {
            let mut known = groups.iter_mut();
            match known.find(|group| {
                group
                    .first()
                    .is_some_and(|newest| are_alike(newest, refusal))
            }) {
                Some(group) => group.push(refusal),
                None => groups.push(vec![refusal]),
            }
        }
        let groups = groups.iter();
        groups
            .filter_map(|group| Self::of(snapshot, group))
            .collect()
    }

    fn of(snapshot: &Snapshot, group: &[&'a Refusal]) -> Option<Self> {
        let (newest, others) = group.split_first()?;
        let alike = others.last().map(|oldest| {
            let clients: BTreeSet<&str> = group.iter().map(|one| one.client.as_str()).collect();
            let from = match clients.len() {
                1 => "from the same client".to_owned(),
                many => format!("from {many} clients"),
            };
            let since = ago(oldest.at, snapshot.at);
            format!(
                "and {} more like it {from}, the first {since}",
                count(others.len() as u64)
            )
        });
        let explained = group.iter().find(|one| one.finding.is_some());
        Some(Self {
            finding: explained.and_then(|one| one.finding),
            fix: explained
                .and_then(|one| one.fix.as_deref())
                .unwrap_or_default(),
            age: ago(newest.at, snapshot.at),
            at: moment(newest.at),
            method: newest.method.as_deref().unwrap_or_default(),
            path: newest.path.as_deref().unwrap_or_default(),
            has_route: newest.route != "none",
            alike,
            refusal: newest,
        })
    }
}

/// Of a flood few are examined, and of two with different findings each is told.
fn are_alike(one: &Refusal, other: &Refusal) -> bool {
    one.route == other.route
        && one.reason == other.reason
        && one.method == other.method
        && one.path == other.path
        && (one.finding == other.finding || one.finding.is_none() || other.finding.is_none())
}
