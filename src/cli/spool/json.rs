//! Events for programs.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::{error_of, next_of, time_of};
use crate::handoff::Stored;
use crate::spool::Listed;

#[derive(Serialize)]
struct Event<'a> {
    id: String,
    route: &'a str,
    state: &'static str,
    attempts: u32,
    received_at: String,
    next_at: Option<String>,
    bytes: u64,
    last_error: Option<String>,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    event: Event<'a>,
    /// The request's first line and its headers, as the app would have received them.
    head: String,
    /// The body in Base64 (RFC 4648 section 4): it may be anything.
    body_base64: String,
}

fn event(listed: &Listed) -> Event<'_> {
    Event {
        id: listed.id.to_string(),
        route: &listed.route,
        state: listed.state.as_str(),
        attempts: listed.attempts,
        received_at: time_of(listed.received_at),
        next_at: next_of(listed),
        bytes: listed.bytes,
        last_error: error_of(listed),
    }
}

/// An element of a list, with what separates it from the one before.
pub(super) fn listed(out: &mut dyn Write, listed: &Listed, is_first: bool) -> io::Result<()> {
    let separator = if is_first { "\n" } else { ",\n" };
    write!(out, "{separator}  ")?;
    serde_json::to_writer(out, &event(listed)).map_err(io::Error::from)
}

pub(super) fn shown(out: &mut dyn Write, listed: &Listed, request: &Stored) -> io::Result<()> {
    let shown = Shown {
        event: event(listed),
        head: String::from_utf8_lossy(request.head()).into_owned(),
        body_base64: STANDARD.encode(request.body().concat()),
    };
    serde_json::to_writer_pretty(&mut *out, &shown).map_err(io::Error::from)?;
    writeln!(out)
}
