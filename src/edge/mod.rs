//! A sender's connection: what is read from it and written to it, and how long it may stay.

pub(crate) mod connection;
pub(crate) mod connections;
pub(crate) mod drain;
pub(crate) mod exchange;
pub(crate) mod reply;
