//! What is told on evidence.

mod body;
mod forgeries;
mod headers;
mod settings;
mod times;

use super::testing::{SECRET, Setup};
use super::{findings, header};
use crate::explain::each_once;
use crate::explain::finding::Finding;
use crate::reason::Reason;

const SIGNATURE: &str = "X-Twenty-Webhook-Signature";
const V3: &str = "X-HubSpot-Signature-v3";
/// Of the event of Twenty as it is made for tests, by Python's `hmac`.
const HEX: &str = "ac96b56b5ed54c9adcd06098eebbf745884bfc789f3d3366ef740a7f688167ec";
/// Of nothing that is here.
const WRONG: &str = "00000000000000000000000000000000000000000000000000000000000000aa";

/// Sees that these words are told, and returns the sentences.
fn tells(setup: &Setup, reason: Reason, expected: &[Finding]) -> String {
    let told = setup.case(|case| match header(case, reason) {
        Some(header) => vec![header.told],
        None => each_once(findings(case, reason)),
    });
    let words: Vec<Finding> = told.iter().map(|told| told.finding).collect();
    assert_eq!(words, expected, "{told:?}");
    let fixes: Vec<String> = told.into_iter().map(|told| told.fix).collect();
    let fix = fixes.join("\n");
    assert!(!fix.contains(SECRET) && !fix.contains(HEX), "{fix}");
    fix
}

/// An event of Twenty whose signature matches nothing.
fn mismatched(body: &str) -> Setup {
    Setup::twenty().body(body).with(SIGNATURE, WRONG)
}

#[test]
fn reasons_that_say_it_all_have_no_finding() {
    for reason in [
        Reason::BodyTooLarge,
        Reason::Overloaded,
        Reason::BodyTimeout,
        Reason::BadRequest,
    ] {
        tells(&mismatched("{"), reason, &[]);
    }
}
