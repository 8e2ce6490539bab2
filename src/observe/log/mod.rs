//! Logging: one line an event on standard error, JSON or text.
//!
//! Lines are handed to a thread of their own: a log that nobody reads, or that cannot be written, must
//! not hold up a request. What it cannot take in time is left out and counted.
//!
//! Two rules protect secrets. Events carry only fields chosen by hand, and libraries are held to
//! warnings whatever the level says: at lower levels they print headers, keys included.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Finding, LogConfig, LogFormat, LogLevel, Severity};

/// How many lines may wait to be written.
const MAX_WAITING_LINES: usize = 10_000;

/// A log that was started. Dropping it writes what still waits, for a moment.
pub struct Logging {
    /// Changes its level.
    pub level: LevelHandle,
    _writer: WorkerGuard,
}

/// Changes the level of a running log.
#[derive(Clone)]
pub struct LevelHandle {
    filter: reload::Handle<Targets, Registry>,
    omitted: ErrorCounter,
}

impl LevelHandle {
    /// From now on this is the least important level that is written.
    pub fn set(&self, level: LogLevel) {
        // It fails only where logging has ended.
        let _ = self.filter.reload(filter(level));
    }

    /// How many lines were left out since the start, because writing took too long.
    #[must_use]
    pub fn omitted_lines(&self) -> usize {
        self.omitted.dropped_lines()
    }
}

/// Starts logging for the whole process; later calls change nothing.
pub fn start(config: LogConfig) -> Logging {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(MAX_WAITING_LINES)
        .lossy(true)
        .thread_name("hookward-log")
        .finish(std::io::stderr());
    let omitted = writer.error_counter();
    let (filter, handle) = reload::Layer::new(filter(config.level));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .log_internal_errors(false);
    let registry = tracing_subscriber::registry().with(filter);
    let started = match config.format {
        LogFormat::Json => registry.with(lines.event_format(JsonLine)).try_init(),
        LogFormat::Text => {
            let in_colour = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let lines = lines.with_ansi(in_colour).with_target(false);
            registry.with(lines).try_init()
        }
    };
    // A second start in one process keeps the first one's settings.
    drop(started);
    Logging {
        level: LevelHandle {
            filter: handle,
            omitted,
        },
        _writer: guard,
    }
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

/// Formats an event as one flat JSON object: `timestamp`, `level`, `event`, then its fields.
struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), timestamp.into());
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        line.insert("level".to_owned(), level.into());
        line.insert("event".to_owned(), "log".into());
        event.record(&mut IntoMap(&mut line));
        let line = serde_json::to_string(&line).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

struct IntoMap<'a>(&'a mut Map<String, Value>);

impl IntoMap<'_> {
    /// Libraries that log in the older way bring the places of their source files along.
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        let name = match field.name() {
            "log.target" => "target",
            name if name.starts_with("log.") => return,
            name => name,
        };
        self.0.insert(name.to_owned(), value.into());
    }
}

impl Visit for IntoMap<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}

/// How many refusals of one route are logged a second.
const REFUSALS_PER_SECOND: u32 = 20;

/// Keeps a flood of forgeries from flooding the log: the first refusals of each second pass, the
/// others are counted.
#[derive(Debug, Default)]
pub struct RefusalLimit {
    this_second: AtomicU32,
    omitted: AtomicU64,
}

impl RefusalLimit {
    /// Whether this refusal is to be logged; counts it if not.
    pub fn allows(&self) -> bool {
        let before = self
            .this_second
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                Some(count.saturating_add(1))
            });
        let is_allowed = before.is_ok_and(|before| before < REFUSALS_PER_SECOND);
        if !is_allowed {
            self.omitted.fetch_add(1, Ordering::Relaxed);
        }
        is_allowed
    }

    /// Starts a new second; returns how many refusals the last one left out.
    pub fn next_second(&self) -> u64 {
        self.this_second.store(0, Ordering::Relaxed);
        self.omitted.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_to_twenty_a_second_and_counted() {
        let limit = RefusalLimit::default();
        let logged = (0..1_000).filter(|_| limit.allows()).count();
        assert_eq!(logged, 20);
        assert_eq!(limit.next_second(), 980);
        assert!(limit.allows());
        assert_eq!(limit.next_second(), 0);
    }
}
