//! What an operator sees at a glance: the status page and `/status.json`, and the history of the last hour behind the
//! page's plots.
//!
//! Both are made of one [`snapshot::Snapshot`], which is taken when somebody asks.

pub(crate) mod page;
pub(crate) mod snapshot;
pub(crate) mod time;
