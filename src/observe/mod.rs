//! What operators see: the log and the metrics, what is told in both, and the last refusals.

pub(crate) mod access;
pub mod limits;
pub mod log;
pub mod metrics;
pub(crate) mod once_a_second;
pub mod recent;
pub mod refusals;
pub mod report;
pub(crate) mod text;
