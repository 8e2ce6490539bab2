//! Running until told to stop: worker threads and signals.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::server::{Server, StartError, threads};
use crate::config::Config;

/// Serves `config` until a signal says stop. Returns whether that is over as the signal asked: after
/// `SIGTERM` with all requests in flight ended, after `SIGINT` at once.
///
/// # Errors
/// [`StartError`] if serving cannot begin.
pub fn run(config: &Config) -> Result<bool, StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads(config))
        .thread_name("hookward")
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    let is_as_asked = runtime.block_on(async {
        let signals = Signals::new().map_err(StartError::Runtime)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::Runtime)?;
        let server = Server::bind(config)?;
        let is_drained = tokio::select! {
            is_drained = server.serve(signals.stop()) => is_drained,
            _ = interrupt.recv() => true,
        };
        Ok::<bool, StartError>(is_drained)
    })?;
    // What is still running after the grace time is not waited for.
    runtime.shutdown_background();
    Ok(is_as_asked)
}

/// The signals that mean something while serving.
struct Signals {
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// Returns once it is time to stop.
    async fn stop(mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.hangup.recv() => tracing::warn!(
                    event = "signal_ignored",
                    signal = "SIGHUP",
                    "the configuration is read at the start alone; restart to apply changes"
                ),
                _ = self.quit.recv() => tracing::warn!(
                    event = "signal_ignored",
                    signal = "SIGQUIT",
                    "handing over sockets is not in this version; use SIGTERM to stop"
                ),
            }
        }
    }
}
