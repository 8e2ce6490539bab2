//! What goes wrong with a URL before its query: who was called, and by which path.

pub(super) mod known;
mod origin;
pub(super) mod parts;
mod path;
pub(super) mod place;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

pub(super) use origin::{HOST, PORT, SCHEME};
pub(super) use path::{PATH_CASE, PATH_PREFIX, TRAILING_SLASH};
