//! From text to raw structs, one a table and one field a key: what the TOML and the types alone can say.

pub(crate) mod explain;
pub(crate) mod not_after;
pub(crate) mod parse;
pub(crate) mod raw;
pub(crate) mod schema;
pub(crate) mod spanned;
pub(crate) mod units;
