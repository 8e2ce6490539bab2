//! What operators see: the log and the metrics, and what is told in both.

pub(crate) mod access;
pub mod limits;
pub mod log;
pub mod metrics;
pub(crate) mod once_a_second;
pub mod refusals;
pub(crate) mod text;
