//! The proxy: the one place that knows Pingora, sockets and the clock.
//!
//! A connection ([`connection`]) reads a header and begins an exchange ([`exchange`]), the gate
//! ([`gate`]) judges the request and reads its body, and only what it permits is forwarded
//! ([`forward`]): on a connection to the app ([`dial`], [`upload`], [`app`]), whose answer
//! ([`answer`]) goes to the sender ([`sender`]). What does not pass is refused ([`refusal`]).
//! Each request is judged by the [`site`] of the moment it begins; [`reload`] exchanges it.

mod accept;
mod admin;
mod answer;
mod app;
mod body;
mod budget;
mod connection;
mod connections;
mod dial;
mod discard;
mod exchange;
mod failure;
mod forward;
mod gate;
mod origin;
mod outcome;
mod outgoing;
mod patience;
mod pool;
mod refusal;
mod reload;
mod run;
mod sender;
mod server;
mod site;
mod socket;
mod upload;
mod upstream;
mod watch;

pub use run::run;
pub use server::{Server, StartError};
