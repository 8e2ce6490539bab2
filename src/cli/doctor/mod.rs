//! `hookward doctor`: asks of a configuration and its surroundings what can be asked without a sender.
//!
//! Each file here is one check, and each check gives lines. Asking makes no file and takes no address, and apps
//! and public URLs get a `HEAD` at most, unless `--send` asks for more. Only counters move: a hookward that is
//! asked counts and logs the question as it does every request, and its counters are what it is known by.

mod app;
mod ask;
mod clock;
mod configuration;
mod directory;
mod files;
mod limits;
mod outcome;
mod ports;
mod public_url;
mod recordings;
mod replay;
mod report;
mod send;
mod serving;
mod spool;
mod url;

use std::path::Path;

use clap::ValueEnum;
use http::Uri;

use super::{DoctorArgs, Failure};
use crate::config::{self, Config, Loaded, Options, ReadError, Secrets, Upstream};
use crate::os::descriptors::Descriptors;
use crate::providers::Providers;
use crate::upstream::connect::Connector;
use crate::wipe;
use report::Line;
use send::Sending;
pub(super) use serving::reachable;

/// How the checks are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people: a line each
    Text,
    /// For other programs: one JSON object
    Json,
}

/// A server that is asked what time it is.
#[derive(Clone, Debug)]
pub(super) struct TimeFrom {
    url: Uri,
    upstream: Upstream,
}

pub(super) fn parse_time_from(text: &str) -> Result<TimeFrom, String> {
    let url: Option<Uri> = text.parse().ok();
    let read = url.and_then(|url| {
        let upstream = url::upstream_of(&url)?;
        Some(TimeFrom { url, upstream })
    });
    read.ok_or_else(|| "expected an http or https URL, without a user".to_owned())
}

pub(super) fn doctor(args: &DoctorArgs) -> Result<(), Failure> {
    let file = &args.file.config;
    let name = file.display().to_string();
    let loaded = match load(file, Secrets::Read) {
        Ok(loaded) => loaded,
        Err(error) if args.format == Format::Json => {
            let line = configuration::unreadable(&name, error);
            report::print_json(&[line]).map_err(Failure::failed)?;
            return Err(Failure::SaidUsage);
        }
        Err(error) => return Err(Failure::usage(error)),
    };
    // Where a secret or a certificate is what is missing, the rest can still be asked.
    let without_secrets = match &loaded.config {
        Some(_) => None,
        None => load(file, Secrets::Skip).ok().and_then(|it| it.config),
    };
    let config = loaded.config.as_ref().or(without_secrets.as_ref());
    let mut lines = configuration::check(&name, &loaded, config);
    if let Some(config) = config {
        lines.extend(files::check(file, config));
        lines.extend(recordings::check(config));
        lines.extend(examine(config, args)?);
    }
    let printed = match args.format {
        Format::Text => report::print_text(&lines),
        Format::Json => report::print_json(&lines),
    };
    printed.map_err(Failure::failed)?;
    match (config, report::failed(&lines)) {
        (None, _) => Err(Failure::SaidUsage),
        (Some(_), 0) => Ok(()),
        (Some(_), _) => Err(Failure::Said),
    }
}

fn load(file: &Path, secrets: Secrets) -> Result<Loaded, ReadError> {
    let options = Options {
        secrets,
        providers: Providers::known(),
    };
    wipe::on_own_stack(|| config::load(file, options))
}

fn examine(config: &Config, args: &DoctorArgs) -> Result<Vec<Line>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let lines = runtime.block_on(ask_all(config, args));
    // A look-up that hangs is not waited for.
    runtime.shutdown_background();
    Ok(lines)
}

async fn ask_all(config: &Config, args: &DoctorArgs) -> Vec<Line> {
    let connector = Connector::new(Descriptors::new(usize::MAX));
    let (admin, serving) = ports::find(config, &connector).await;
    let serving = serving.as_ref();
    let mut lines = vec![limits::check(config, serving).await, admin];
    let (ports, own) = ports::check(config, &connector, serving).await;
    lines.extend(ports);
    let time_from = async {
        match &args.time_from {
            Some(from) => Some(clock::ask_server(&connector, from).await),
            None => None,
        }
    };
    let routes = &config.routes;
    let ((apps, mut answers), public_urls, time) = tokio::join!(
        app::check(&connector, routes),
        public_url::check(&connector, routes, serving),
        time_from,
    );
    lines.extend(apps);
    lines.extend(public_urls);
    match time {
        Some(Ok(answer)) => answers.push(answer),
        Some(Err(line)) => lines.push(line),
        None => {}
    }
    lines.extend(replay::check(config).await);
    lines.extend(spool::check(config).await);
    lines.extend(clock::check(routes, &answers));
    if args.send {
        let sending = Sending {
            config,
            connector: &connector,
            serving,
            own: &own,
        };
        lines.extend(sending.check().await);
    }
    lines
}
