//! What goes wrong on the way from the signer to us, each a description of its own: how to get from the message
//! that was received to the one that was signed, its word, and what to do about it.
//!
//! To add one, write its description in the file of its part and put it into [`MISTAKES`].

mod body;
mod candidates;
mod encoding;
mod json;
mod method;
mod query;
pub(super) mod secret;
mod signature;
#[cfg(test)]
mod testing;
pub(super) mod timestamp;
mod url;
mod version;

pub(super) use candidates::MAX_TOTAL_BYTES as MAX_CANDIDATES_BYTES;

use super::case::Case;
use super::finding::Finding;
use super::supposed::{Change, Concern, Supposed};

/// A mistake.
pub(super) struct Mistake {
    pub(super) finding: Finding,
    /// The part of the message that it changes.
    pub(super) concern: Concern,
    /// What may have been signed, if this was done to it on its way and the message is what came of it; the
    /// likeliest first. Nothing that is the message itself.
    pub(super) undo: fn(&Case<'_>, &Supposed) -> Vec<Change>,
    /// What to change, and where, in a sentence or two: from the message before it was undone, and after.
    pub(super) fix: fn(&Case<'_>, &Supposed, &Supposed) -> String,
}

/// All of them, the likeliest first.
pub(super) static MISTAKES: &[&Mistake] = &[
    &url::SCHEME,
    &url::HOST,
    &url::PORT,
    &secret::BLANKS,
    &secret::QUOTES,
    &secret::EXPIRED,
    &secret::OF_OTHER_ROUTE,
    &url::PATH_PREFIX,
    &query::MISSING,
    &url::TRAILING_SLASH,
    &body::NEWLINE,
    &json::RESERIALIZED,
    &body::TRIMMED,
    &body::LINE_ENDS,
    &query::DECODED,
    &query::ENCODED,
    &query::ESCAPES,
    &query::ORDER,
    &url::PATH_CASE,
    &method::METHOD,
    &secret::DECODED,
    &signature::ENCODING,
    &version::VERSION,
    &timestamp::UNIT,
    &timestamp::MISSING,
    &body::EMPTY,
    &json::STRINGIFIED,
    &encoding::CHARSET,
    &encoding::BASE64,
    &encoding::COMPRESSED,
];
