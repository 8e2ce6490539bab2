//! Logging: one line an event on standard error, JSON or text.
//!
//! Lines are handed to a thread of their own: a log that nobody reads, or that cannot be written, must
//! not hold up a request. What it cannot take in time is left out and counted.
//!
//! Two rules protect secrets. Events carry only fields chosen by hand, and libraries are held to
//! warnings whatever the level says: at lower levels they print headers, keys included.

mod clock;
mod line;
mod writer;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use self::line::Line;
use self::writer::{LineWriter, Writing};
use crate::config::{Finding, LogConfig, LogFormat, LogLevel, Severity};
use crate::os::terminal;

/// A log that was started. Dropping it waits a moment for the last lines to be written.
pub struct Logging {
    /// Changes its level.
    pub level: LevelHandle,
    _writing: Writing,
}

/// Changes the level of a running log.
#[derive(Clone)]
pub struct LevelHandle {
    filter: reload::Handle<Targets, Registry>,
    lines: LineWriter,
}

impl LevelHandle {
    /// From now on this is the least important level that is written.
    pub fn set(&self, level: LogLevel) {
        // It fails only where logging has ended.
        let _ = self.filter.reload(filter(level));
    }

    /// How many lines were left out since the start, because writing took too long.
    #[must_use]
    pub fn omitted_lines(&self) -> u64 {
        self.lines.omitted_lines()
    }
}

/// Starts logging for the whole process; later calls change nothing.
///
/// # Errors
/// The system has no thread to give.
pub fn start(config: LogConfig) -> std::io::Result<Logging> {
    let (writer, writing) = writer::start(std::io::stderr())?;
    let (filter, handle) = reload::Layer::new(filter(config.level));
    let line = match config.format {
        LogFormat::Json => Line::Json,
        LogFormat::Text => Line::Text,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer.clone())
        .with_ansi(line == Line::Text && terminal::in_colour(&std::io::stderr()))
        .log_internal_errors(false)
        .event_format(line);
    let started = tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init();
    // A second start in one process keeps the first one's settings.
    drop(started);
    Ok(Logging {
        level: LevelHandle {
            filter: handle,
            lines: writer,
        },
        _writing: writing,
    })
}

/// Logs the warnings among the findings about a configuration.
pub fn warn_of(findings: &[Finding]) {
    for finding in findings {
        if finding.severity == Severity::Warning {
            tracing::warn!(event = "config_warning", "{finding}");
        }
    }
}

fn filter(level: LogLevel) -> Targets {
    let own = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let libraries = if own < Level::WARN { own } else { Level::WARN };
    Targets::new()
        .with_default(libraries)
        .with_target("hookward", own)
}
