//! The app's side: finding its address, connecting, keeping connections, sending a request.
//!
//! [`address::UpstreamAddress`] says where an upstream is at the moment, [`connect::Connector`] gets
//! connections there and keeps them in a [`pool::Pool`].

pub(crate) mod address;
mod attempt;
mod cause;
pub(crate) mod connect;
mod destination;
mod kept;
mod look_up;
mod pool;
mod race;
mod resolve;
mod stream;
mod tls;
pub(crate) mod upload;

#[cfg(test)]
mod tests;
