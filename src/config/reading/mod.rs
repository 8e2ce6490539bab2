//! From text to raw structs: a struct for each table, a field for each key. Finds what is wrong as TOML or
//! in the types.

pub(crate) mod explain;
pub(crate) mod listen;
pub(crate) mod not_after;
pub(crate) mod parse;
pub(crate) mod raw;
pub(crate) mod schema;
pub(crate) mod spanned;
pub(crate) mod units;
