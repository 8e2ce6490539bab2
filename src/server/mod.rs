//! The server as a process: listening, stopping, reloading, and the admin address.

mod accept;
mod admin;
mod reload;
mod run;
#[expect(
    clippy::module_inception,
    reason = "the server is what this room is for"
)]
mod server;
mod watch;

pub use run::run;
pub use server::{Server, StartError};
