//! The app's side: finding its address, connecting, keeping connections, sending a request.

pub(crate) mod connect;
pub(crate) mod pool;
pub(crate) mod resolve;
pub(crate) mod upload;
