//! Panics are logged, whichever thread or task they end.
//!
//! The message of a panic is left out: it can hold what the program was working on.

use std::panic::PanicHookInfo;

/// From now on, every panic is logged as `event="panic"` with its thread and its place in the source.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(log));
}

fn log(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let place = panic.location();
    tracing::error!(
        event = "panic",
        thread = thread.name().unwrap_or("unnamed"),
        file = place.map_or("unknown", |place| place.file()),
        line = place.map_or(0, |place| place.line()),
        "a part of hookward failed because of a fault in it; please report this line"
    );
}
