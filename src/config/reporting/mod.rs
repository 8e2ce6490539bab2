//! Findings as people and programs read them.

mod json;
pub(crate) mod source;

pub use json::to_json;
