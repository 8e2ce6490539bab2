//! The server as a process: listening, stopping, reloading, and the admin address.

mod admin;
mod background;
mod capacity;
mod door;
mod housekeeping;
mod listening;
mod load;
mod loader;
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
mod stop;
mod tasks;
mod watch;

pub use load::load_first;
pub use run::run;
pub use server::Server;
pub use sockets::StartError;
pub use watch::Watch;
