//! Which route a request belongs to, by its path.

pub mod pattern;
pub mod table;
