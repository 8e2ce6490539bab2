//! hookward stands in front of an app that receives webhooks, verifies who sent each request, and
//! forwards what verifies, byte for byte.
//!
//! The crate is the program's library half. Its parts, from the inside out:
//!
//! - [`verify`]: pure verification; parts of a request and a time in, a permit or a reason out.
//! - [`reason`], [`head`], [`fields`], [`host`], [`chunked`], [`target`], [`pattern`], [`forwarding`], [`handoff`],
//!   [`retry_after`]: pure rules about requests: how they are read, routed, handed to the app and
//!   answered.
//! - [`config`]: the configuration file.
//! - [`scrub`]: leaving no secret on the stack.
//! - [`metrics`], [`log`]: what operators see.
//! - [`proxy`]: sockets, time and Pingora; the only part that knows any of them.
//! - [`cli`]: the commands.

pub mod chunked;
pub mod cli;
pub mod config;
pub mod fields;
pub mod forwarding;
pub mod handoff;
pub mod head;
pub mod host;
pub mod log;
pub mod metrics;
pub mod pattern;
pub mod proxy;
pub mod reason;
pub mod retry_after;
pub mod scrub;
pub mod target;
pub mod verify;
