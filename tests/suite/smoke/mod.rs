//! The commands and the examples do what they say.

mod broken;
mod commands;
mod configuration;
