//! What operators see: the log and the metrics, what is told in both, and the last refusals.

pub mod limits;
pub mod log;
pub mod metrics;
pub mod recent;
pub mod refusals;
pub(crate) mod text;
