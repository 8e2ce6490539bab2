//! The app's side: finding its address, connecting, keeping connections, sending a request and reading
//! the answer to it. It knows no sender and no route.

pub(crate) mod call;
pub(crate) mod connect;
pub(crate) mod failure;
pub(crate) mod pool;
pub(crate) mod resolve;
pub(crate) mod sending;
