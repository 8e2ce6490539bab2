//! Verification by itself: known answers from outside, and a plain second implementation.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "a test that fails panics"
)]

mod api_keys;
mod differential;
mod evidence;
#[path = "../suite/support/known.rs"]
mod known;
mod vectors;
