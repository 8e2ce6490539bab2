//! The spellings of JSON that may have been signed, the likeliest first: whatever serializers write, of what was
//! received.

use super::super::candidates::Candidates;
use super::edits;
use super::numbers::{Numbers, is_simple};
use super::order::{self, Known, Order};
use super::spelling::{Layout, Spelling, write};
use super::text::{
    CAPITALS, DOTNET, GO, GSON, JACKSON, JAVASCRIPT, KEPT, PHP, PHP_HEX, PHP_UNICODE, PYTHON,
    SEPARATORS, SLASHES, Seen, Strings,
};
use super::tokens::{Document, Token};

/// How many bytes are written for one body: at a mebibyte, time enough for what is likely.
const MAX_WRITTEN: usize = 16 << 20;
/// The most numbers that are written in other ways: each is read as floating point.
const MAX_NUMBERS: usize = 20_000;
/// How many spellings are tried in which is put back what was taken away, for each kind of it.
const MAX_EDITED: usize = 64;
/// The most members of which every order is tried, and how many orders that are.
const MAX_PERMUTED: usize = 4;
const PERMUTATIONS: usize = 24;
/// The most tokens that are put in other orders: a copy of them is made.
const MAX_ORDERED: usize = 100_000;
/// The largest text of which every order of members is tried, in bytes.
const MAX_PERMUTED_BYTES: usize = 64 << 10;
/// Behind how many members those with integers for keys are moved.
const MAX_MOVED: usize = 12;

const PRETTY: [Layout; 6] = [
    Layout::Pretty("  ", "\n"),
    Layout::Pretty("    ", "\n"),
    Layout::Pretty("\t", "\n"),
    Layout::Pretty("  ", "\r\n"),
    Layout::Pretty("    ", "\r\n"),
    Layout::Pretty("\t", "\r\n"),
];

/// Adds them. `samples` are events of the provider, from which the order of members is known.
pub(super) fn undo<'s>(
    document: &Document<'_>,
    samples: impl Iterator<Item = &'s str>,
    candidates: &mut Candidates<'_>,
) {
    let mut spellings = Spellings {
        document,
        candidates,
        bytes_left: MAX_WRITTEN,
    };
    let own = &document.tokens[..];
    let strings = strings_for(document.seen);
    let samples: Vec<_> = samples
        .filter_map(|body| Document::read(body.as_bytes()))
        .collect();
    let orders = samples.iter().map(order::of).chain(order::known());
    let orders: Vec<Known<'_>> = orders.collect();
    let numbers = other_numbers(document);

    // What the providers themselves write is compact.
    spellings.add(own, Layout::Compact, JAVASCRIPT, Numbers::Kept);
    for numbers in &numbers {
        spellings.add(own, Layout::Compact, JAVASCRIPT, *numbers);
    }
    spellings.in_orders(&orders, |spellings, tokens| {
        spellings.add(tokens, Layout::Compact, JAVASCRIPT, Numbers::Kept);
        for numbers in &numbers {
            spellings.add(tokens, Layout::Compact, JAVASCRIPT, *numbers);
        }
    });
    spellings.add(own, Layout::Blanks, PYTHON, Numbers::Kept);
    spellings.add(own, Layout::Blanks, JAVASCRIPT, Numbers::Kept);
    for layout in PRETTY {
        spellings.add(own, layout, JAVASCRIPT, Numbers::Kept);
    }
    for strings in &strings {
        spellings.add(own, Layout::Compact, *strings, Numbers::Kept);
        if document.has_blanks {
            spellings.add(own, Layout::Kept, *strings, Numbers::Kept);
        }
    }
    for numbers in &numbers {
        spellings.add(own, Layout::Blanks, PYTHON, *numbers);
        spellings.add(own, Layout::Kept, KEPT, *numbers);
    }
    for layout in PRETTY.into_iter().take(3) {
        spellings.add(own, layout, PYTHON, Numbers::Kept);
        spellings.add(own, layout, PHP, Numbers::Kept);
        spellings.add(own, layout, KEPT, Numbers::Kept);
    }
    if let Some(sorted) = order::reordered(document, &Order::Sorted) {
        spellings.add(&sorted, Layout::Compact, JAVASCRIPT, Numbers::Kept);
        spellings.add(&sorted, Layout::Blanks, PYTHON, Numbers::Kept);
        spellings.add(&sorted, Layout::Compact, PYTHON, Numbers::Kept);
        spellings.add(&sorted, Layout::Compact, KEPT, Numbers::Kept);
    }
    spellings.in_orders(&orders, |spellings, tokens| {
        spellings.add(tokens, Layout::Blanks, PYTHON, Numbers::Kept);
        spellings.add(tokens, Layout::Compact, KEPT, Numbers::Kept);
    });
    for strings in &strings {
        spellings.add(own, Layout::Blanks, *strings, Numbers::Kept);
    }
    // Each kind of what was taken away has room of its own.
    spellings.add_edited(edits::dates(document).into_iter());
    spellings.add_edited(edits::empties(document).into_iter());
    spellings.add_edited(edits::points(document).into_iter());
    spellings.add_moved();
    spellings.add_permutations();
}

struct Spellings<'a, 'b, 'c> {
    document: &'a Document<'b>,
    candidates: &'a mut Candidates<'c>,
    /// How much may still be written, whatever becomes of it.
    bytes_left: usize,
}

impl Spellings<'_, '_, '_> {
    fn add(&mut self, tokens: &[Token], layout: Layout, strings: Strings, numbers: Numbers) {
        if self.candidates.is_full() || self.bytes_left == 0 {
            return;
        }
        let spelling = Spelling {
            layout,
            strings,
            numbers,
        };
        let written = write(self.document, tokens, spelling, &mut self.bytes_left);
        // What differs in its line ends alone is another mistake.
        let received = self.candidates.received();
        let written = written.filter(|body| !is_same_but_for_line_ends(body, received));
        self.candidates.push_some(written);
    }

    /// Calls `add` with the tokens in each of the orders, one after the other: of a large body each takes much
    /// memory.
    fn in_orders(&mut self, orders: &[Known<'_>], add: impl Fn(&mut Self, &[Token])) {
        if self.document.tokens.len() > MAX_ORDERED {
            return;
        }
        for order in orders {
            if self.candidates.is_full() || self.bytes_left == 0 {
                return;
            }
            if let Some(tokens) = order::reordered(self.document, &Order::Known(order)) {
                add(self, &tokens);
            }
        }
    }

    /// Adds the spellings of texts in which is put back what was taken away.
    fn add_edited(&mut self, texts: impl Iterator<Item = Vec<u8>>) {
        self.candidates.make_room(MAX_EDITED);
        for text in texts {
            let Some(document) = Document::read(&text) else {
                continue;
            };
            let mut spellings = Spellings {
                document: &document,
                candidates: self.candidates,
                bytes_left: self.bytes_left,
            };
            let tokens = &document.tokens;
            spellings.add(tokens, Layout::Compact, JAVASCRIPT, Numbers::Kept);
            spellings.add(tokens, Layout::Blanks, PYTHON, Numbers::Kept);
            self.bytes_left = spellings.bytes_left;
        }
    }

    /// Adds the orders in which members with integers for keys come later: JavaScript puts them first.
    fn add_moved(&mut self) {
        let Some(count) = order::most_beside_integers(self.document) else {
            return;
        };
        let count = count.min(MAX_MOVED);
        self.candidates.make_room(count.saturating_mul(2));
        for behind in 1..=count {
            let tokens = order::reordered(self.document, &Order::IntegersBehind(behind));
            if let Some(tokens) = tokens {
                self.add(&tokens, Layout::Blanks, PYTHON, Numbers::Kept);
                self.add(&tokens, Layout::Compact, JAVASCRIPT, Numbers::Kept);
            }
        }
    }

    /// Adds every order of the members of small objects: their keys tell nothing of the one they had.
    fn add_permutations(&mut self) {
        let is_small = self.candidates.received().len() <= MAX_PERMUTED_BYTES;
        let count = order::outermost_members(self.document);
        let Some(count) = count.filter(|count| *count <= MAX_PERMUTED && is_small) else {
            return;
        };
        self.candidates.make_room(PERMUTATIONS);
        for places in permutations(count) {
            let tokens = order::reordered(self.document, &Order::Permuted(&places));
            if let Some(tokens) = tokens {
                self.add(&tokens, Layout::Compact, JAVASCRIPT, Numbers::Kept);
            }
        }
    }
}

/// The ways of writing strings that make a difference, beside JavaScript's.
fn strings_for(seen: Seen) -> Vec<Strings> {
    let Seen {
        escapes,
        beyond_ascii,
        separators,
        slashes,
        markup,
        marks,
        control,
        delete,
    } = seen;
    let all = [
        (escapes, KEPT),
        (beyond_ascii || delete, PYTHON),
        (slashes, PHP),
        (slashes && beyond_ascii, SLASHES),
        (slashes && separators, PHP_UNICODE),
        (markup || separators, GO),
        (beyond_ascii, CAPITALS),
        (control, JACKSON),
        (markup || marks || delete, DOTNET),
        (markup || marks, PHP_HEX),
        (markup || marks, GSON),
        (separators, SEPARATORS),
    ];
    let needed = all.into_iter().filter(|(is_needed, _)| *is_needed);
    needed.map(|(_, strings)| strings).collect()
}

/// The ways of writing numbers that make a difference.
fn other_numbers(document: &Document<'_>) -> Vec<Numbers> {
    let of_interest = document.numbers().filter(|literal| !is_simple(literal));
    if of_interest.take(MAX_NUMBERS).count() == MAX_NUMBERS {
        return Vec::new();
    }
    let mut all = Vec::new();
    for numbers in [Numbers::JavaScript, Numbers::Python, Numbers::Java] {
        if document.numbers().any(|literal| numbers.changes(literal)) {
            all.push(numbers);
        }
    }
    all
}

/// All orders of so many but the first, in which nothing is moved.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for _ in 0..count {
        all = all
            .into_iter()
            .flat_map(|start: Vec<usize>| {
                let free = (0..count).filter(|place| !start.contains(place));
                let longer = free.map(|place| {
                    let mut places = start.clone();
                    places.push(place);
                    places
                });
                longer.collect::<Vec<_>>()
            })
            .collect();
    }
    all
}

fn is_same_but_for_line_ends(one: &[u8], other: &[u8]) -> bool {
    let kept = |byte: &&u8| **byte != b'\r';
    let has_cr = |body| memchr::memchr(b'\r', body).is_some();
    (has_cr(one) || has_cr(other)) && one.iter().filter(kept).eq(other.iter().filter(kept))
}
