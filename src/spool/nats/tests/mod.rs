//! The stream as a store. Tests that need a server start Debian's `nats-server` and are run by
//! `cargo test --lib spool::nats -- --ignored`.

mod archive;
mod connection;
mod kept;
mod leases;
mod message;
mod replicas;
mod rig;
mod stored;
mod stream;
mod subjects;
