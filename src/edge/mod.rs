//! A sender's connection: what is read from it and written to it, and how long it may stay.

pub(crate) mod connection;
pub(crate) mod connections;
mod http1;
mod http2;
mod linger;
mod request_head;
pub(crate) mod serve;
pub(crate) mod shared;
mod tls;
