//! hookward stands in front of an app that receives webhooks, verifies who sent each request, and
//! forwards what verifies, byte for byte.
//!
//! The crate is the program's library half. Its rooms, from the top down; none knows one above it:
//!
//! - [`cli`]: the commands.
//! - [`server`]: the process: listening, stopping, reloading, the admin address.
//! - `status`: what an operator sees at a glance.
//! - `edge`: a sender's connection.
//! - `exchange`: one request and its answer.
//! - `diagnosis`: mismatches explained at the moment they happen.
//! - `explain`: why a captured request did not verify.
//! - `request`: admission, from a request's header to a permit or a refusal.
//! - `replay`: what remembers requests, so that each counts once.
//! - `spool`: verified events that wait for their app.
//! - `active`: the configuration in use, ready for requests.
//! - `recording`: refused requests, kept as files.
//! - `upstream`: the app.
//! - [`observe`]: the log and the metrics.
//! - [`config`]: the configuration file.
//! - [`handoff`]: what the app receives besides what was sent.
//! - [`route`]: which route a path belongs to.
//! - [`providers`]: one file a provider.
//! - [`verify`]: pure verification; parts of a request and a time in, a permit or a reason out.
//! - `capture`: captured requests, in the forms in which people keep them.
//! - [`http1`]: HTTP/1 as bytes.
//!
//! Below them all: [`reason`], the vocabulary of refusals; [`peer`], who is at the other end of a
//! connection; [`wipe`], which leaves no secret on the stack; `time_limit`; `transport`, a connection in the shape
//! that Pingora takes; and `os`, what the operating system is asked directly.

mod active;
mod capture;
pub mod cli;
pub mod config;
mod diagnosis;
mod edge;
mod exchange;
mod explain;
pub mod handoff;
pub mod http1;
pub mod observe;
mod os;
pub mod peer;
pub mod providers;
pub mod reason;
mod recording;
mod replay;
mod request;
pub mod route;
pub mod server;
mod spool;
mod status;
mod time_limit;
mod transport;
mod upstream;
pub mod verify;
pub mod wipe;

/// The words in which `hookward explain` tells causes, as in its JSON and in metrics.
pub fn explain_words() -> impl Iterator<Item = &'static str> {
    explain::Finding::ALL
        .into_iter()
        .map(explain::Finding::as_str)
}
