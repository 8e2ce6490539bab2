//! What the operating system is asked directly, where the event loop and Pingora do not ask it.

pub(crate) mod descriptors;
pub(crate) mod handover;
pub(crate) mod socket;
pub(crate) mod terminal;
