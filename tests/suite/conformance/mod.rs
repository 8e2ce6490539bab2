//! What verifies is forwarded whole, and the app gets exactly what is documented.

mod bodies;
mod handoff;
mod requests;
mod urls;

use crate::support::app::App;
use crate::support::proxy::Proxy;
use crate::support::sign;

fn body(size: usize) -> Vec<u8> {
    (0..size)
        .map(|index| u8::try_from(index % 251).unwrap())
        .collect()
}

fn start(app: &App) -> Proxy {
    Proxy::start("", &sign::routes(app.url(), ""))
}
