//! What a search costs, and what it says that it tried.

use std::cell::Cell;

use super::*;
use crate::explain::evidence::testing::{SECRET, Setup};

const SIGNATURE: &str = "X-Twenty-Webhook-Signature";
const WRONG: &str = "00000000000000000000000000000000000000000000000000000000000000aa";

thread_local! {
    static UNDONE: Cell<usize> = const { Cell::new(0) };
}

/// So many bodies, of which each is another.
fn bodies(count: usize, bytes: usize) -> Vec<Change> {
    UNDONE.set(UNDONE.get().saturating_add(1));
    let numbered = (0..count).map(|number| {
        let mut body = number.to_string().into_bytes();
        body.resize(bytes, b'x');
        Change::Body(body.into())
    });
    numbered.collect()
}

static FEW_BODIES: Mistake = Mistake {
    finding: Finding::BodyNewline,
    concern: Concern::Body,
    undo: |_, _| bodies(3, 100),
    fix: |_, _, _| String::new(),
};

static LARGE_BODIES: Mistake = Mistake {
    finding: Finding::BodyTrimmed,
    concern: Concern::Body,
    undo: |_, _| bodies(14, 1 << 20),
    fix: |_, _, _| String::new(),
};

static TIMES: Mistake = Mistake {
    finding: Finding::TimestampUnit,
    concern: Concern::Timestamp,
    undo: |_, _| {
        (0..1_000)
            .map(|time: u32| Change::Timestamp(time.to_string().into()))
            .collect()
    },
    fix: |_, _, _| String::new(),
};

static METHODS: Mistake = Mistake {
    finding: Finding::Method,
    concern: Concern::Method,
    undo: |_, _| {
        let methods = (0..200).map(|number: u32| Change::Method(number.to_string()));
        methods.collect()
    },
    fix: |_, _, _| String::new(),
};

static MANY_BODIES: Mistake = Mistake {
    finding: Finding::BodyCharset,
    concern: Concern::Body,
    undo: |_, _| bodies(1_000, 10),
    fix: |_, _, _| String::new(),
};

fn search_for(setup: &Setup, mistakes: &[&'static Mistake]) -> (Outcome, usize) {
    let mut pauses = 0_usize;
    let mut pause = || pauses = pauses.saturating_add(1);
    let outcome = setup.case(|case| search_among(mistakes, case, &mut pause));
    (outcome, pauses)
}

#[test]
fn without_a_signature_that_can_be_read_nothing_is_undone() {
    UNDONE.set(0);
    for setup in [Setup::twenty(), Setup::twenty().with(SIGNATURE, "null")] {
        let (outcome, _) = search_for(&setup, &[&FEW_BODIES, &LARGE_BODIES]);
        assert!(outcome.proof.is_none() && outcome.ruled_out.is_empty());
    }
    assert_eq!(UNDONE.get(), 0);
}

#[test]
fn what_is_ruled_out_was_tried_to_its_end() {
    let setup = Setup::twenty().with(SIGNATURE, WRONG);
    let (outcome, _) = search_for(&setup, &[&FEW_BODIES, &TIMES]);
    assert_eq!(
        outcome.ruled_out,
        [Finding::BodyNewline, Finding::TimestampUnit]
    );
    // Of a large body not everything can be tried.
    let setup = setup.body(&"x".repeat(1 << 20));
    let (outcome, _) = search_for(&setup, &[&FEW_BODIES, &TIMES]);
    assert_eq!(outcome.ruled_out, [Finding::BodyNewline]);
    // Twenty signs no URL.
    let setup = Setup::twenty().with(SIGNATURE, WRONG);
    let ruled_out = setup.case(|case| search(case, &mut || {}).ruled_out);
    assert!(
        ruled_out.contains(&Finding::BodyReserialized),
        "{ruled_out:?}"
    );
    assert!(!ruled_out.contains(&Finding::UrlHost), "{ruled_out:?}");
}

#[test]
fn what_is_hashed_is_bounded() {
    let setup = Setup::twenty()
        .with(SIGNATURE, WRONG)
        .body(&"x".repeat(1 << 20));
    let (_, tried) = search_for(&setup, &[&LARGE_BODIES, &TIMES]);
    // A mebibyte each: half a second's for one mistake, and a fifth for two.
    assert!((150..=240).contains(&tried), "{tried}");
}

#[test]
fn what_is_kept_for_pairs_is_bounded() {
    // Without a signature, so that nothing is hashed.
    Setup::twenty().case(|case| {
        let mut search = Search {
            mistakes: &[],
            case,
            budget: Budget {
                bytes: usize::MAX,
                messages: usize::MAX,
            },
            pause: &mut || {},
            room: KEPT_BYTES,
        };
        let mut kept = 0;
        for _ in 0..20 {
            let mut single = Single {
                rank: 0,
                mistake: &LARGE_BODIES,
                messages: Vec::new(),
                count: 0,
                tried: 0,
            };
            assert!(search.undo_one(&mut single, 0, usize::MAX).is_none());
            kept += single
                .messages
                .iter()
                .map(|one| one.body.len())
                .sum::<usize>();
        }
        assert!((5 << 20..=KEPT_BYTES).contains(&kept), "{kept}");
    });
}

#[test]
fn a_pair_with_many_messages_does_not_keep_others_from_being_tried() {
    // The first two alone are more than may be tried.
    let setup = Setup::twenty()
        .body("0xxxxxxxxx")
        .signed(SECRET.as_bytes(), "0");
    let setup = setup.body("received");
    let (outcome, _) = search_for(&setup, &[&METHODS, &TIMES, &MANY_BODIES]);
    let undone = outcome.proof.map(|proof| proof.undone).unwrap_or_default();
    let words: Vec<Finding> = undone.iter().map(|(mistake, _)| mistake.finding).collect();
    assert_eq!(words, [Finding::TimestampUnit, Finding::BodyCharset]);
}
