//! The log and the metrics tell an operator what happened and why, and stay within their bounds.

mod access_log;
mod bounded;
mod events;
mod refusals;
mod series;
mod series_end;
mod state;
mod status;
