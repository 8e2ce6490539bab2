//! HTTP/2 on a sender's connection. What a stream says is put into the one form that the strict reader
//! reads, so that a request over HTTP/2 is judged as it would be over HTTP/1.

pub(super) mod connection;
mod field_section;
mod frames;
mod head;
mod hpack;
mod parting;
mod sender;
mod stream;
mod watched;
