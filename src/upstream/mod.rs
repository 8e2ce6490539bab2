//! The app's side: finding its address, connecting, keeping connections, sending a request and reading
//! the answer to it. It knows no sender and no route.
//!
//! [`address::UpstreamAddress`] says where an upstream is at the moment, [`connect::Connector`] gets
//! connections there and keeps them in a [`pool::Pool`], and a [`call::Call`] is a request on one of them.
//!
//! Connections are made here with tokio and rustls, and Pingora only reads the answers. Pingora's connector
//! turns every failure into a text, which operators would have to interpret; it takes no certificate
//! verifier, which a pinned certificate needs; and it gives one attempt the whole time limit, so that an
//! address that is silent leaves no time for the next.

pub(crate) mod address;
mod attempt;
pub(crate) mod call;
pub(crate) mod cause;
pub(crate) mod connect;
pub(crate) mod connect_error;
mod destination;
pub(crate) mod failure;
mod http1;
mod http2;
mod kept;
pub(crate) mod look_up;
mod pool;
mod race;
mod resolve;
pub(crate) mod sending;
pub(crate) mod tls;
mod unread;

#[cfg(test)]
mod tests;
