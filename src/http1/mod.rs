//! HTTP/1 as bytes: pure and strict. A message is read in the one way that RFC 9112 allows, or refused.
//!
//! Nothing here knows a socket, a clock or a configuration, so that every rule can be tested, and
//! fuzzed, on bytes alone.

pub mod chunked;
pub mod fields;
pub mod head;
mod head_error;
pub mod host;
pub mod names;
pub mod own_answer;
mod request_line;
pub mod retry_after;
pub mod target;
