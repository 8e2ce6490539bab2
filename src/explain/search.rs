//! The search for what happened to a message: every mistake is undone, alone and then in pairs, until the
//! message gives the signature that was presented.
//!
//! That it does is proof: nobody makes a matching signature by chance. The likeliest mistakes come first, and
//! what the search may cost is bounded.

use std::collections::HashSet;

use super::case::Case;
use super::mistakes::{MISTAKES, Mistake};
use super::supposed::{Change, Concern, Supposed};
use crate::verify::Probe;

/// How many bytes may be hashed for pairs of mistakes.
const PAIR_BYTES: usize = 20 << 20;
/// How many messages may be tried for them.
const PAIRS: usize = 20_000;
/// How many bytes may be hashed for single mistakes.
const SINGLE_BYTES: usize = 400 << 20;

/// What was found.
pub(super) struct Proof {
    /// The mistakes, in the order in which they are undone, each with the message after it.
    pub(super) undone: Vec<(&'static Mistake, Supposed)>,
}

/// What may still be spent.
struct Budget {
    bytes: usize,
    messages: usize,
}

impl Budget {
    fn spend(&mut self, bytes: usize) -> bool {
        let left = (self.bytes.checked_sub(bytes), self.messages.checked_sub(1));
        let (Some(bytes), Some(messages)) = left else {
            return false;
        };
        (self.bytes, self.messages) = (bytes, messages);
        true
    }
}

/// Undoes mistakes until the signature matches. `pause` is called between messages: whoever examines beside
/// other work gives way there.
pub(super) fn search(case: &Case<'_>, pause: &mut dyn FnMut()) -> Option<Proof> {
    let mut budget = Budget {
        bytes: SINGLE_BYTES,
        messages: usize::MAX,
    };
    if matches(case, &case.received, &mut budget, pause) {
        return Some(Proof { undone: Vec::new() });
    }
    let mut singles = Vec::with_capacity(MISTAKES.len());
    for (rank, mistake) in MISTAKES.iter().copied().enumerate() {
        let mut messages = Vec::new();
        for change in (mistake.undo)(case, &case.received) {
            let supposed = case.received.with(change);
            if matches(case, &supposed, &mut budget, pause) {
                let undone = vec![(mistake, supposed)];
                return Some(Proof { undone });
            }
            messages.push(supposed);
        }
        singles.push(Single {
            rank,
            mistake,
            messages,
        });
    }
    search_pairs(case, &singles, pause)
}

/// Undoes two mistakes. Pairs of likely ones come before pairs of a likely and an unlikely one.
fn search_pairs(case: &Case<'_>, singles: &[Single], pause: &mut dyn FnMut()) -> Option<Proof> {
    let mut budget = Budget {
        bytes: PAIR_BYTES,
        messages: PAIRS,
    };
    let all = singles
        .iter()
        .flat_map(|first| singles.iter().map(move |second| (first, second)));
    let mut pairs: Vec<_> = all
        .filter(|(first, second)| first.comes_before(second))
        .collect();
    pairs.sort_by_key(|(first, second)| first.rank.saturating_add(second.rank));
    // Most mistakes about the URL come to the same in either order.
    let mut urls = HashSet::new();
    for (first, second) in pairs {
        let is_of_urls =
            (first.mistake.concern, second.mistake.concern) == (Concern::Url, Concern::Url);
        for supposed in &first.messages {
            for both in second.after(first, supposed, case) {
                if is_of_urls && !urls.insert(both.url.clone()) {
                    continue;
                }
                if matches(case, &both, &mut budget, pause) {
                    let undone = vec![(first.mistake, supposed.clone()), (second.mistake, both)];
                    return Some(Proof { undone });
                }
                if budget.messages == 0 || budget.bytes == 0 {
                    return None;
                }
            }
        }
    }
    None
}

/// A mistake that does not explain the signature alone.
struct Single {
    /// Its place among all; the likeliest has the lowest.
    rank: usize,
    mistake: &'static Mistake,
    /// What it may have been done to.
    messages: Vec<Supposed>,
}

impl Single {
    /// Whether this mistake is undone before the other. Of two that concern different parts of a message only
    /// one order is tried: both give the same. What is signed depends on the scheme, so that comes first.
    fn comes_before(&self, other: &Self) -> bool {
        let (first, second) = (self.mistake.concern, other.mistake.concern);
        match (first == Concern::Scheme, second == Concern::Scheme) {
            (true, is_scheme) => !is_scheme,
            (false, true) => false,
            (false, false) if first == second => self.rank != other.rank,
            (false, false) => self.rank < other.rank,
        }
    }

    /// What `supposed` may have been before this mistake, of which `first` was undone already.
    fn after(&self, first: &Self, supposed: &Supposed, case: &Case<'_>) -> Vec<Supposed> {
        if self.mistake.concern == Concern::Body && first.mistake.concern != Concern::Body {
            // Of the body alone, and that is still the one that was received: not undone again.
            let bodies = self.messages.iter().map(|single| single.body.clone());
            return bodies
                .map(|body| supposed.with(Change::Body(body)))
                .collect();
        }
        let changes = (self.mistake.undo)(case, supposed).into_iter();
        changes.map(|change| supposed.with(change)).collect()
    }
}

/// Whether the message gives the signature that was presented.
fn matches(
    case: &Case<'_>,
    supposed: &Supposed,
    budget: &mut Budget,
    pause: &mut dyn FnMut(),
) -> bool {
    let Some(presented) = supposed.presented else {
        return false;
    };
    let mut valid = case.valid_keys();
    let mut given = supposed.key.into_iter();
    let keys: &mut dyn Iterator<Item = usize> = match supposed.key {
        Some(_) => &mut given,
        None => &mut valid,
    };
    for key in keys.filter_map(|index| case.keys.get(index)) {
        pause();
        let probe = Probe {
            scheme: supposed.scheme,
            key: &key.probe,
            method: &supposed.method,
            url: &supposed.url,
            timestamp: &supposed.timestamp,
            body: &supposed.body,
        };
        if !budget.spend(probe.cost()) {
            (budget.bytes, budget.messages) = (0, 0);
            return false;
        }
        if probe.gives(&presented) {
            return true;
        }
    }
    false
}
