//! HTTP/1 as bytes: pure and strict. A message is read in the one way that RFC 9112 allows, or refused.
//!
//! Nothing here knows a socket, a clock or a configuration, so that every rule can be tested, and
//! fuzzed, on bytes alone.

#[cfg(feature = "proxy")]
pub mod chunked;
pub mod fields;
#[cfg(feature = "proxy")]
pub mod head;
#[cfg(feature = "proxy")]
mod head_error;
pub mod host;
pub mod names;
#[cfg(feature = "proxy")]
pub mod own_answer;
#[cfg(feature = "proxy")]
mod request_line;
#[cfg(feature = "proxy")]
pub mod retry_after;
pub mod target;
