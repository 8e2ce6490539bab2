//! What a service manager is told of this process (sd_notify(3)), where there is one that listens.

use sd_notify::NotifyState;

/// The process serves.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is being read anew.
pub(crate) fn reloading() {
    // Both are told together: a manager that knows of one wants the other.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The process ends.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Another process serves from now on.
pub(crate) fn main_process(pid: u32) {
    tell(&[NotifyState::MainPid(pid)]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::debug!(event = "notify_failed", error = %error, "the service manager was not told");
    }
}
