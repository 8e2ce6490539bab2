//! What did not verify never reaches the app, and an attacker learns nothing.

mod answers;
mod costs;
mod forgery;
mod framing;
mod reasons;
mod smuggling;
mod tls;
mod trust;

use crate::support::app::App;
use crate::support::client::Request;
use crate::support::proxy::Proxy;
use crate::support::sign;

fn start(app: &App) -> Proxy {
    Proxy::start("", &sign::routes(app.url(), ""))
}

/// Sends a request that must be refused; returns the reason.
fn refused(proxy: &Proxy, request: &Request) -> (u16, String) {
    let (answer, [_, _, verdict, reason]) = proxy.judge(request);
    assert_eq!(verdict, "rejected", "{request:?}");
    (answer.status, reason)
}
