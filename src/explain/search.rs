//! The search for what happened to a message: every mistake is undone, alone and then in pairs, until the
//! message gives the signature that was presented.
//!
//! That it does is proof: nobody makes a matching signature by chance. The likeliest mistakes come first, and
//! what the search may cost is bounded.

use super::case::Case;
use super::mistakes::{MISTAKES, Mistake};
use super::supposed::Supposed;
use crate::verify::Probe;

/// How many bytes may be hashed for pairs of mistakes.
const PAIR_BYTES: usize = 48 << 20;
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
    let mut singles: Vec<(&'static Mistake, Supposed)> = Vec::new();
    for mistake in MISTAKES {
        for change in (mistake.undo)(case, &case.received) {
            let supposed = case.received.with(change);
            if matches(case, &supposed, &mut budget, pause) {
                let undone = vec![(*mistake, supposed)];
                return Some(Proof { undone });
            }
            singles.push((mistake, supposed));
        }
    }
    budget = Budget {
        bytes: PAIR_BYTES,
        messages: PAIRS,
    };
    for (first, supposed) in &singles {
        for second in seconds(first) {
            for change in (second.undo)(case, supposed) {
                let both = supposed.with(change);
                if matches(case, &both, &mut budget, pause) {
                    let undone = vec![(*first, supposed.clone()), (*second, both)];
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

/// The mistakes to undo after another. Two that concern different parts of a message give the same in either
/// order, so only one order is tried.
fn seconds(first: &'static Mistake) -> impl Iterator<Item = &'static &'static Mistake> {
    let place = MISTAKES
        .iter()
        .position(|mistake| std::ptr::eq(*mistake, first));
    MISTAKES
        .iter()
        .enumerate()
        .filter_map(move |(index, second)| {
            let is_later = Some(index) > place;
            let is_same = Some(index) == place;
            (is_later || (second.concern == first.concern && !is_same)).then_some(second)
        })
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
