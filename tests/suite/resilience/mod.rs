//! Failures on either side get the contract's answer and leave the process serving.

mod answers;
mod app;
mod limits;
mod process;
mod upstreams;

use crate::support::app::App;
use crate::support::proxy::Proxy;
use crate::support::sign;

fn start(server: &str, app: &App, extra: &str) -> Proxy {
    Proxy::start(
        server,
        &sign::routes(format_args!("http://{}", app.address), extra),
    )
}

fn start_on(routes: &str) -> Proxy {
    Proxy::start("", routes)
}
