//! One request and its answer: handed to the app, and the app's answer to the sender.

pub(crate) mod answer;
pub(crate) mod app;
pub(crate) mod failure;
pub(crate) mod forward;
pub(crate) mod outcome;
