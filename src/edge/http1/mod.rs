//! HTTP/1 on a sender's connection: the bytes that come in, a request's body among them, and the answer
//! that goes out.

mod body;
mod connection;
pub(super) mod incoming;
mod reply;
pub(super) mod sender;
