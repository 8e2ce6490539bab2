//! Admission: takes a request from its header to a permit, or to the reason why not.

pub(crate) mod admission;
pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod refusal;
pub(crate) mod signed_url;
