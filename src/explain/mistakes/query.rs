//! What goes wrong with a query, and with the escapes of a URL.

pub(super) mod codec;
mod escapes;
mod parameters;
mod respelled;
#[cfg(test)]
mod tests;

pub(super) use escapes::ESCAPES;
pub(super) use parameters::{MISSING, ORDER};
pub(super) use respelled::{DECODED, ENCODED};
