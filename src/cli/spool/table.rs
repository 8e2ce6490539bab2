//! Events for people.

use std::io::{self, Write};

use super::{error_of, next_of, time_of};
use crate::handoff::Stored;
use crate::spool::Listed;

/// A line of a list, below the names of the columns where it is the first.
pub(super) fn listed(out: &mut dyn Write, event: &Listed, is_first: bool) -> io::Result<()> {
    if is_first {
        line(
            out,
            [
                "ID",
                "ROUTE",
                "STATE",
                "ATTEMPTS",
                "RECEIVED",
                "NEXT",
                "BYTES",
                "LAST ERROR",
            ],
        )?;
    }
    let next = next_of(event).unwrap_or_else(|| "-".to_owned());
    let cells = [
        &*event.id.to_string(),
        &*event.route,
        event.state.as_str(),
        &event.attempts.to_string(),
        &time_of(event.received_at),
        &next,
        &event.bytes.to_string(),
        &error_of(event).unwrap_or_else(|| "-".to_owned()),
    ];
    line(out, cells)
}

fn line(out: &mut dyn Write, cells: [&str; 8]) -> io::Result<()> {
    let [id, route, state, attempts, received, next, bytes, error] = cells;
    writeln!(
        out,
        "{id:32}  {route:16}  {state:7}  {attempts:>8}  {received:24}  {next:24}  {bytes:>9}  {error}"
    )
}

pub(super) fn shown(out: &mut dyn Write, event: &Listed, request: &Stored) -> io::Result<()> {
    let next = next_of(event).unwrap_or_else(|| "-".to_owned());
    writeln!(out, "id         {}", event.id)?;
    writeln!(out, "route      {}", event.route)?;
    writeln!(out, "state      {}", event.state.as_str())?;
    writeln!(out, "attempts   {}", event.attempts)?;
    writeln!(out, "received   {}", time_of(event.received_at))?;
    writeln!(out, "next       {next}")?;
    writeln!(out, "bytes      {}", event.bytes)?;
    writeln!(
        out,
        "last error {}",
        error_of(event).unwrap_or_else(|| "-".to_owned())
    )?;
    writeln!(out)?;
    let pieces = std::iter::once(request.head()).chain(request.body());
    for piece in pieces {
        let text = String::from_utf8_lossy(piece);
        for line in text.split_inclusive('\n') {
            let shown: String = line
                .chars()
                .filter(|character| !character.is_control() || matches!(character, '\n' | '\t'))
                .collect();
            out.write_all(shown.as_bytes())?;
        }
    }
    writeln!(out)
}
