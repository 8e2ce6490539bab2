//! Counts by reason, the largest first.

use std::collections::BTreeMap;

use super::super::words::count;

/// A reason, and how often it was one.
pub(in super::super) struct Share {
    pub(in super::super) reason: &'static str,
    pub(in super::super) number: String,
}

pub(super) fn shares(counts: &BTreeMap<&'static str, u64>) -> Vec<Share> {
    let mut counts: Vec<_> = counts.iter().filter(|(_, number)| **number > 0).collect();
    counts.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
    let shares = counts.into_iter().map(|(reason, number)| Share {
        reason,
        number: count(*number),
    });
    shares.collect()
}
