//! Running until told to stop by a signal.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::inherited::Inherited;
use super::panics::log_panics;
use super::reload::{Reloader, Threads};
use super::server::Server;
use super::sockets::StartError;
use super::stop::StopSignals;
use super::upgrade::{Control, predecessor, remove_files};
use super::watch::Watch;
use crate::config::Config;
use crate::observe::log::LevelHandle;
use crate::observe::metrics::Metrics;

/// Serves `config`, which [`load_first`](super::load_first) read from `file`, until a signal says stop.
/// Returns whether it ended as the signal asked: after `SIGTERM` with all requests in flight ended,
/// after `SIGINT` at once.
///
/// # Errors
/// [`StartError`] if serving cannot begin.
pub fn run(
    config: Config,
    file: &Path,
    watch: Watch,
    level: LevelHandle,
) -> Result<bool, StartError> {
    log_panics();
    // Before this process opens anything that could be taken for what it was given.
    let activated = Inherited::activated();
    let reloading = Threads::start().map_err(StartError::Runtime)?;
    // Signals are listened for before anything else runs, so that none is missed.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    let entered = runtime.enter();
    let listen = |kind| signal(kind).map_err(StartError::Runtime);
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let hangup = listen(SignalKind::hangup())?;
    let quit = listen(SignalKind::quit())?;
    // Listening alone changes what it does: a recording that is larger than the limit of file sizes fails to be
    // written, and does not end the process.
    let _too_large = listen(SignalKind::from_raw(nix::libc::SIGXFSZ))?;
    drop(entered);
    let predecessor = predecessor().map_err(StartError::TakeOver)?;
    let (predecessor, inherited) = match predecessor {
        Some((predecessor, sockets)) => (Some(predecessor), Inherited::handed_over(sockets)),
        None => (None, activated),
    };
    let mut server = Server::bind_with(&config, Some(file), inherited)?;
    tracing::info!(
        event = "started",
        version = env!("CARGO_PKG_VERSION"),
        revision = env!("HOOKWARD_REVISION"),
        routes = config.routes.len(),
        "hookward has started"
    );
    let control = Control {
        upgrader: server.upgrader(file)?,
        pid_file: config.server.pid_file.clone(),
        upgrade_socket: config.server.upgrade_socket.clone(),
        predecessor,
    };
    let (pid_file, upgrade_socket) = (
        config.server.pid_file.clone(),
        config.server.upgrade_socket.clone(),
    );
    let has_successor = server.has_successor();
    let metrics = Arc::clone(&server.shared().services.metrics);
    let omitted = report_omitted_lines(level.clone(), metrics);
    let status = server.status();
    let reloader = Reloader::new(
        file,
        watch,
        &config,
        server.shared(),
        status,
        level,
        reloading,
    );
    // The secrets in it are not kept longer than they are needed.
    drop(config);
    server.run_beside("reloader", reloader.run(hangup));
    server.run_beside("control", control.run(quit));
    server.run_beside("omitted log lines", omitted);
    let is_as_asked = server.serve_until(StopSignals {
        drain: Box::pin(async move {
            terminate.recv().await;
        }),
        at_once: Box::pin(async move {
            interrupt.recv().await;
        }),
    });
    if !has_successor.load(Ordering::Relaxed) {
        remove_files(pid_file.as_deref(), upgrade_socket.as_deref());
    }
    Ok(is_as_asked)
}

/// Once a second, says how many lines the log had to leave out.
async fn report_omitted_lines(level: LevelHandle, metrics: Arc<Metrics>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let mut reported = 0_u64;
    loop {
        seconds.tick().await;
        let omitted = level.omitted_lines();
        let count = omitted.saturating_sub(reported);
        if count > 0 {
            reported = omitted;
            metrics.log_lines_omitted.inc_by(count);
            tracing::warn!(
                event = "log_lines_omitted",
                count,
                "the log is not read fast enough"
            );
        }
    }
}
