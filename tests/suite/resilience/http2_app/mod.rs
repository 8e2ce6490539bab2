//! Apps that speak HTTP/2.

mod ends;
mod errors;
mod protocol;
mod streams;

use std::net::TcpListener;

use crate::support::http2_app::Http2App;
use crate::support::proxy::Proxy;
use crate::support::sign;

const H2: &str = "upstream_protocol = \"h2\"";

fn start(app: &Http2App, extra: &str) -> Proxy {
    start_on(&app.url(), extra)
}

fn start_on(upstream: &str, extra: &str) -> Proxy {
    Proxy::start("", &sign::routes(upstream, &format!("{H2}\n{extra}")))
}

/// A listener, and the URL of an app there.
fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}
