//! Findings as people and programs read them.

mod json;
mod mask;
mod mask_lines;
pub(crate) mod source;

pub use json::to_json;
