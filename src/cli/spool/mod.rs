//! `hookward spool`: the events that wait for their app, and the dead ones. It looks into the store itself, so it works
//! while the server runs and while it does not.

mod json;
mod table;

use std::io::{self, Write};
use std::path::Path;

use clap::{Args, Subcommand, ValueEnum};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{ConfigArg, Failure, complain_of};
use crate::config::{self, Options, Secrets, SpoolConfig};
use crate::providers::Providers;
use crate::spool::{self, Archive, EventId, Listed};
use crate::verify::Timestamp;

#[derive(Args)]
pub(super) struct SpoolArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the events in the order in which they came
    List {
        #[command(flatten)]
        file: ConfigArg,
        /// How they are printed
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Print an event with its request, as the app would have received it
    Show {
        /// Its id, as `list` shows it
        id: EventId,
        #[command(flatten)]
        file: ConfigArg,
        /// How it is printed
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Try an event again now, and a dead letter once more, whatever its age
    Retry {
        /// Its id, as `list` shows it
        #[arg(required_unless_present = "dead", conflicts_with = "dead")]
        id: Option<EventId>,
        /// All dead letters
        #[arg(long)]
        dead: bool,
        #[command(flatten)]
        file: ConfigArg,
    },
    /// Forget an event: its app never receives it
    Drop {
        /// Its id, as `list` shows it
        id: EventId,
        #[command(flatten)]
        file: ConfigArg,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

impl Command {
    fn file(&self) -> &ConfigArg {
        match self {
            Self::List { file, .. }
            | Self::Show { file, .. }
            | Self::Retry { file, .. }
            | Self::Drop { file, .. } => file,
        }
    }
}

pub(super) fn spool(args: &SpoolArgs) -> Result<(), Failure> {
    let config = read(&args.command.file().config)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    runtime.block_on(async {
        let archive = spool::open_archive(&config).await;
        run(&*archive.map_err(Failure::failed)?, &args.command).await
    })
}

/// What a configuration says of its store.
fn read(file: &Path) -> Result<SpoolConfig, Failure> {
    let options = Options {
        secrets: Secrets::Skip,
        providers: Providers::known(),
    };
    let loaded = config::load(file, options).map_err(Failure::usage)?;
    let Some(config) = &loaded.config else {
        complain_of(file, &loaded);
        return Err(Failure::SaidUsage);
    };
    config.spool.clone().ok_or_else(|| {
        let message = format_args!("{}: there is no [spool]", file.display());
        Failure::usage(message)
    })
}

async fn run(archive: &dyn Archive, command: &Command) -> Result<(), Failure> {
    match command {
        Command::List { format, .. } => list(archive, *format).await,
        Command::Show { id, format, .. } => show(archive, *id, *format).await,
        Command::Retry { id: Some(id), .. } => {
            let is_there = archive.retry(*id).await.map_err(Failure::failed)?;
            known(*id, is_there)?;
            say(&format!("{id} is tried once more"))
        }
        Command::Retry { id: None, .. } => {
            let count = archive.retry_dead().await.map_err(Failure::failed)?;
            say(&format!("{count} dead letters are tried once more"))
        }
        Command::Drop { id, .. } => {
            let is_there = archive.drop_event(*id).await.map_err(Failure::failed)?;
            known(*id, is_there)?;
            say(&format!("{id} is forgotten"))
        }
    }
}

async fn list(archive: &dyn Archive, format: Format) -> Result<(), Failure> {
    let mut writer = io::BufWriter::new(io::stdout().lock());
    let mut behind = 0;
    let mut is_first = true;
    if format == Format::Json {
        write!(writer, "[").map_err(Failure::failed)?;
    }
    loop {
        let page = archive.list(behind).await.map_err(Failure::failed)?;
        let Some(last) = page.last() else {
            break;
        };
        behind = last.place;
        for event in &page {
            let written = match format {
                Format::Json => json::listed(&mut writer, event, is_first),
                Format::Table => table::listed(&mut writer, event, is_first),
            };
            written.map_err(Failure::failed)?;
            is_first = false;
        }
    }
    let ended = match format {
        Format::Json if is_first => writeln!(writer, "]"),
        Format::Json => writeln!(writer, "\n]"),
        Format::Table if is_first => writeln!(writer, "no events are stored"),
        Format::Table => Ok(()),
    };
    ended.and_then(|()| writer.flush()).map_err(Failure::failed)
}

async fn show(archive: &dyn Archive, id: EventId, format: Format) -> Result<(), Failure> {
    let found = archive.show(id).await.map_err(Failure::failed)?;
    let (event, request) = found.ok_or_else(|| unknown(id))?;
    let mut out = io::stdout().lock();
    let written = match format {
        Format::Json => json::shown(&mut out, &event, &request),
        Format::Table => table::shown(&mut out, &event, &request),
    };
    written.map_err(Failure::failed)
}

fn known(id: EventId, is_there: bool) -> Result<(), Failure> {
    if is_there { Ok(()) } else { Err(unknown(id)) }
}

fn unknown(id: EventId) -> Failure {
    Failure::failed(format_args!(
        "there is no event {id}: its app has taken it, or it was dropped; `hookward spool list` shows those that there are"
    ))
}

fn say(line: &str) -> Result<(), Failure> {
    writeln!(io::stdout().lock(), "{line}").map_err(Failure::failed)
}

/// A time as RFC 3339 has it, in UTC.
fn time_of(at: Timestamp) -> String {
    let nanos = i128::from(at.as_millis()).saturating_mul(1_000_000);
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    let text = time.and_then(|time| time.format(&Rfc3339).ok());
    text.unwrap_or_else(|| at.as_millis().to_string())
}

/// When an event is tried next. What is due at once is due since it came.
fn next_of(event: &Listed) -> Option<String> {
    let next = event.next_at?.max(event.received_at);
    Some(time_of(next))
}

/// Why the last attempt failed, without what a terminal would obey.
fn error_of(event: &Listed) -> Option<String> {
    let error = event.last_error.as_deref()?;
    Some(
        error
            .chars()
            .filter(|character| !character.is_control())
            .collect(),
    )
}
