//! The commands and the examples do what they say.

mod broken;
mod commands;
mod compose;
mod configuration;
mod damaged;
mod doctor;
mod documented;
mod events;
mod explain;
mod health;
mod library;
mod man;
mod many_routes;
mod monitoring;
mod own_provider;
mod schema;
mod secrets;
mod tls_check;
