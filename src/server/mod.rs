//! The server as a process: listening, stopping, reloading, and the admin address.

mod accept;
mod admin;
mod capacity;
mod drain;
mod housekeeping;
mod listen;
mod load;
mod loader;
mod panics;
mod reload;
mod run;
#[expect(
    clippy::module_inception,
    reason = "the server is what this room is for"
)]
mod server;
mod tasks;
mod watch;

pub use listen::StartError;
pub use load::load_first;
pub use run::run;
pub use server::Server;
pub use watch::Watch;
