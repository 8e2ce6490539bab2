//! A request before it is permitted: the order of the checks, its body and what that may take of memory, and
//! how it is refused.

pub(crate) mod admission;
pub(crate) mod body;
pub(crate) mod budget;
mod claim;
pub(crate) mod refusal;
mod signed_origin;
pub(crate) mod turns;
mod waiting;
