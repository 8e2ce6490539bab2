//! Failures on either side get the documented answer and leave the process serving.

mod admin;
mod answers;
mod app;
mod connections;
mod crowds;
mod failover;
mod families;
mod given_sockets;
mod http2_app;
mod kept;
mod limits;
mod listening;
mod process;
mod reload;
mod slow_readers;
mod stopping;
mod turns;
mod unfinished;
mod upgrade;
mod upstreams;

use std::io::Read;

use crate::support::app::App;
use crate::support::client::Client;
use crate::support::proxy::Proxy;
use crate::support::sign;

fn start(server: &str, app: &App, extra: &str) -> Proxy {
    Proxy::start(server, &sign::routes(app.url(), extra))
}

fn start_on(routes: &str) -> Proxy {
    Proxy::start("", routes)
}

/// Everything until the connection ends.
fn read_to_end(client: &mut Client) -> Vec<u8> {
    let mut received = Vec::new();
    // A reset would do as well as an end.
    let _ = client.stream.read_to_end(&mut received);
    received
}

/// A request of HTTP/1.0.
fn as_http10(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    text.replacen("HTTP/1.1", "HTTP/1.0", 1).into_bytes()
}
