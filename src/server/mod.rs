//! The server as a process: listening, stopping, reloading, and the admin address.

mod admin;
mod background;
mod capacity;
mod door;
mod housekeeping;
mod inherited;
mod listener;
mod listening;
mod load;
mod loader;
mod notify;
mod panics;
mod reload;
mod run;
mod senders;
#[expect(
    clippy::module_inception,
    reason = "the server is what this room is for"
)]
mod server;
mod sockets;
mod spooling;
mod stop;
mod tasks;
mod upgrade;
mod watch;

pub(crate) use capacity::Capacity;
pub use load::load_first;
pub use run::run;
pub use server::Server;
pub use sockets::StartError;
pub use upgrade::{UpgradeError, ask};
pub use watch::Watch;
