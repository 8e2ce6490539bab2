//! The library as an app has it: what is promised of its items, and what they do.

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

#[path = "../suite/support/known.rs"]
mod known;
mod listing;
mod promised;
mod refused;
mod vectors;
