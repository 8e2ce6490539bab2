//! The commands and the examples do what they say.

mod commands;
mod configuration;
