//! The proxy: the one place that knows Pingora, sockets and the clock.
//!
//! A connection ([`connection`]) reads a header and begins an exchange ([`exchange`]), the gate
//! ([`gate`]) judges the request and reads its body, and only what it permits is handed to Pingora ([`forward`]) in a session of our own
//! ([`session`]) that answers from memory. Refusals ([`refusal`]) never reach Pingora's proxy.

mod admin;
mod body;
mod budget;
mod connection;
mod connections;
mod exchange;
mod forward;
mod gate;
mod origin;
mod outgoing;
mod refusal;
mod run;
mod server;
mod session;
mod site;
mod upstream;

pub use run::run;
pub use server::{Server, StartError};
