//! The tests of the program as it is used: the real binary between real clients and a real app, on
//! sockets. Each suite is named for what it protects.

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

mod conformance;
mod diagnosis;
mod observability;
mod recording;
mod replay;
mod resilience;
mod security;
mod smoke;
mod spool;
mod support;
mod vectors;
