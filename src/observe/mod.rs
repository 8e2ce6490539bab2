//! What operators see: the log and the metrics, and what is told in both.

pub mod limits;
pub mod log;
pub mod metrics;
pub mod refusals;
pub(crate) mod text;
