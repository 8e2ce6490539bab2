//! The search for what happened to a message: every mistake is undone, alone and then in pairs, until the
//! message gives the signature that was presented.
//!
//! That it does is proof: nobody makes a matching signature by chance. The likeliest mistakes come first. What
//! the search may cost is bounded, in bytes that are hashed and in bytes that are held: whoever forges a
//! request chooses how much there is to do.

mod proof;
mod single;

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::case::Case;
use super::finding::Finding;
use super::mistakes::{MAX_CANDIDATES_BYTES, MISTAKES, Mistake};
use super::supposed::{Change, Concern, Supposed};
pub(super) use proof::Proof;
use single::Single;

/// How many bytes may be hashed for single mistakes: half a second's, where the CPU has no instructions for it.
const SINGLE_BYTES: usize = 160 << 20;
/// How many bytes may be hashed for pairs of mistakes, beside
const PAIR_BYTES: usize = 20 << 20;
/// so many times the size of the body.
const PAIR_BODIES: usize = 32;
/// How many messages may be tried for them.
const PAIRS: usize = 20_000;

/// From which size on a body is large, in bytes: of every mistake the likeliest messages are tried before
/// further ones of any.
const LARGE: usize = 64 << 10;
/// So many of them.
const LIKELIEST: usize = 6;
/// How many messages of each of two mistakes are tried together before all the others.
const LIKELIEST_OF_PAIR: usize = 4;

/// How many bytes of messages are kept for pairs, of one mistake and of all. With the candidates of the mistake
/// that is being undone ([`MAX_CANDIDATES_BYTES`]), they are all that a search holds beside the request.
const KEPT_BYTES_OF_ONE: usize = 1 << 20;
const KEPT_BYTES: usize = 10 << 20;
/// How much a search holds at most beside the request, in bytes.
pub(crate) const MAX_HELD_BYTES: usize = KEPT_BYTES.saturating_add(MAX_CANDIDATES_BYTES);

/// What came of a search.
pub(super) struct Outcome {
    pub(super) proof: Option<Proof>,
    /// The mistakes of which everything was tried that may have been signed.
    pub(super) ruled_out: Vec<Finding>,
}

/// What may still be spent.
struct Budget {
    bytes: usize,
    messages: usize,
}

impl Budget {
    /// Takes this much; where there is not as much, all that is left.
    fn spend(&mut self, bytes: usize) -> bool {
        let left = (self.bytes.checked_sub(bytes), self.messages.checked_sub(1));
        let (bytes, messages, is_enough) = match left {
            (Some(bytes), Some(messages)) => (bytes, messages, true),
            _ => (0, 0, false),
        };
        (self.bytes, self.messages) = (bytes, messages);
        is_enough
    }

    fn is_spent(&self) -> bool {
        self.bytes == 0 || self.messages == 0
    }
}

/// Undoes mistakes until the signature matches. `pause` is called between messages: whoever examines beside
/// other work gives way there.
pub(super) fn search(case: &Case<'_>, pause: &mut dyn FnMut()) -> Outcome {
    search_among(MISTAKES, case, pause)
}

fn search_among(
    mistakes: &[&'static Mistake],
    case: &Case<'_>,
    pause: &mut dyn FnMut(),
) -> Outcome {
    let mut search = Search {
        mistakes,
        case,
        budget: Budget {
            bytes: SINGLE_BYTES,
            messages: usize::MAX,
        },
        pause,
        room: KEPT_BYTES,
    };
    let mut singles = Vec::new();
    let undone = search.undo_all(&mut singles);
    let ruled_out = singles.iter().filter(|single| single.is_ruled_out());
    Outcome {
        proof: undone.map(|undone| Proof { undone }),
        ruled_out: ruled_out.map(|single| single.mistake.finding).collect(),
    }
}

type Undone = Vec<(&'static Mistake, Supposed)>;

/// A search that goes on.
struct Search<'a, 'c> {
    /// Those that are undone, the likeliest first.
    mistakes: &'a [&'static Mistake],
    case: &'a Case<'c>,
    budget: Budget,
    pause: &'a mut dyn FnMut(),
    /// How many bytes of messages may still be kept.
    room: usize,
}

/// What came of trying a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    Matches,
    Differs,
    /// There is nothing to compare it with, or no budget left.
    Not,
}

impl Search<'_, '_> {
    fn undo_all(&mut self, singles: &mut Vec<Single>) -> Option<Undone> {
        if self.tries(&self.case.received) == Tried::Matches {
            return Some(Vec::new());
        }
        let is_readable = self.case.received.presented.is_some();
        if !is_readable && !self.may_become_readable() {
            return None;
        }
        let is_large = self.case.received.body.len() > LARGE;
        let most = if is_large { LIKELIEST } else { usize::MAX };
        for (rank, mistake) in self.mistakes.iter().copied().enumerate() {
            let mut single = Single {
                rank,
                mistake,
                messages: Vec::new(),
                count: 0,
                tried: 0,
            };
            // Bodies are made, tried and let go at once: there is no room for those of all mistakes.
            let is_body = mistake.concern == Concern::Body;
            let found = self.undo_one(&mut single, 0, if is_body { usize::MAX } else { most });
            if let Some(supposed) = found {
                return Some(vec![(mistake, supposed)]);
            }
            singles.push(single);
        }
        let has_more =
            |single: &&mut Single| single.count > most && single.mistake.concern != Concern::Body;
        for single in singles.iter_mut().filter(has_more) {
            if let Some(supposed) = self.undo_one(single, most, usize::MAX) {
                return Some(vec![(single.mistake, supposed)]);
            }
        }
        self.undo_pairs(singles)
    }

    /// Whether some mistake leads to a signature that can be compared, where none can be read as it came.
    fn may_become_readable(&self) -> bool {
        let mut mistakes = self.mistakes.iter();
        mistakes.any(|mistake| {
            single::is_undone_early(mistake.concern)
                && !(mistake.undo)(self.case, &self.case.received).is_empty()
        })
    }

    /// Undoes one mistake: tries its messages from the one of this place on, so many at most.
    fn undo_one(&mut self, single: &mut Single, from: usize, most: usize) -> Option<Supposed> {
        let received = &self.case.received;
        let changes = (single.mistake.undo)(self.case, received);
        single.count = changes.len();
        let mut share = KEPT_BYTES_OF_ONE;
        for change in changes.into_iter().skip(from).take(most) {
            let bytes = change.bytes();
            let supposed = received.with(change);
            match self.tries(&supposed) {
                Tried::Matches => return Some(supposed),
                Tried::Differs => single.tried = single.tried.saturating_add(1),
                Tried::Not => {}
            }
            let is_first = single.messages.is_empty();
            let left = share
                .checked_sub(bytes)
                .or(is_first.then_some(0))
                .zip(self.room.checked_sub(bytes));
            // The likeliest are kept, without a gap.
            match left {
                Some(left) => {
                    (share, self.room) = left;
                    single.messages.push(supposed);
                }
                None => share = 0,
            }
        }
        None
    }

    /// Undoes two mistakes. Pairs of likely ones come before pairs of a likely and an unlikely one, and pairs
    /// of which there is little to try before those that would take all that may be spent.
    fn undo_pairs(&mut self, singles: &[Single]) -> Option<Undone> {
        let body = self.case.received.body.len();
        self.budget = Budget {
            bytes: PAIR_BYTES.saturating_add(body.saturating_mul(PAIR_BODIES).min(PAIR_BYTES << 1)),
            messages: PAIRS,
        };
        let all = singles
            .iter()
            .flat_map(|first| singles.iter().map(move |second| (first, second)));
        let mut pairs: Vec<_> = all
            .filter(|(first, second)| first.comes_before(second))
            .collect();
        // Most mistakes about the URL come to the same in either order.
        let mut urls = Urls::default();
        for part in [Part::Likeliest, Part::Rest] {
            pairs.sort_by_key(|(first, second)| {
                let count = part
                    .of(first.messages.len())
                    .saturating_mul(part.of(second.messages.len()));
                let effort = count.checked_ilog2().unwrap_or_default();
                let effort = usize::try_from(effort).unwrap_or(usize::MAX);
                let rank = first.rank.saturating_add(second.rank);
                rank.saturating_add(effort)
            });
            for (first, second) in &pairs {
                if let Some(undone) = self.undo_pair(first, second, part, &mut urls) {
                    return Some(undone);
                }
                if self.budget.is_spent() {
                    return None;
                }
            }
        }
        None
    }

    fn undo_pair(
        &mut self,
        first: &Single,
        second: &Single,
        part: Part,
        urls: &mut Urls,
    ) -> Option<Undone> {
        let concerns = (first.mistake.concern, second.mistake.concern);
        let is_of_urls = concerns == (Concern::Url, Concern::Url);
        for (place, supposed) in first.messages.iter().enumerate() {
            let is_likely = place < LIKELIEST_OF_PAIR;
            // No later mistake makes a signature readable.
            if supposed.presented.is_none() || (part == Part::Likeliest && !is_likely) {
                continue;
            }
            let changes = self.after(first, second, supposed);
            for (place, change) in changes.into_iter().enumerate() {
                let is_likely = is_likely && place < LIKELIEST_OF_PAIR;
                if is_likely != (part == Part::Likeliest) {
                    continue;
                }
                let both = supposed.with(change);
                if is_of_urls && !urls.is_new(&both.url) {
                    continue;
                }
                if self.tries(&both) == Tried::Matches {
                    return Some(vec![
                        (first.mistake, supposed.clone()),
                        (second.mistake, both),
                    ]);
                }
                if self.budget.is_spent() {
                    return None;
                }
            }
        }
        None
    }

    /// What `supposed`, of which `first` was undone already, may have been before `second`.
    fn after(&mut self, first: &Single, second: &Single, supposed: &Supposed) -> Vec<Change> {
        let is_body = second.mistake.concern == Concern::Body;
        if is_body && first.mistake.concern != Concern::Body {
            // Of the body alone, and that is still the one that was received: not undone again.
            let bodies = second.messages.iter();
            return bodies
                .map(|single| Change::Body(single.body.clone()))
                .collect();
        }
        // Undoing takes its time as well, whether or not anything comes of it.
        let body = if is_body { supposed.body.len() } else { 0 };
        let effort = body.saturating_mul(4).saturating_add(supposed.url.len());
        if !self.budget.spend(effort) {
            return Vec::new();
        }
        (self.pause)();
        (second.mistake.undo)(self.case, supposed)
    }

    /// Whether the message gives the signature that was presented.
    fn tries(&mut self, supposed: &Supposed) -> Tried {
        let Some(presented) = supposed.presented else {
            return Tried::Not;
        };
        for key in self.case.keys_for(supposed) {
            let probe = supposed.probe(key);
            if !self.budget.spend(probe.cost()) {
                return Tried::Not;
            }
            (self.pause)();
            if probe.gives(&presented) {
                return Tried::Matches;
            }
        }
        Tried::Differs
    }
}

/// Which messages of two mistakes are tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The likeliest of each.
    Likeliest,
    /// All others.
    Rest,
}

impl Part {
    fn of(self, messages: usize) -> usize {
        match self {
            Self::Likeliest => messages.min(LIKELIEST_OF_PAIR),
            Self::Rest => messages,
        }
    }
}

/// URLs that were tried. Of each its hash is kept: they can be long.
#[derive(Default)]
struct Urls {
    hasher: RandomState,
    known: HashSet<u64>,
}

impl Urls {
    fn is_new(&mut self, url: &[u8]) -> bool {
        self.known.insert(self.hasher.hash_one(url))
    }
}

#[cfg(test)]
mod tests;
