//! Admission: takes a request from its header to a permit, or to the reason why not.

pub(crate) mod admission;
pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod refusal;
mod signed_origin;
mod waiting;
