//! `hookward demo`: shows what hookward does.
//!
//! An app, a proxy and a sender run in this process on loopback ports that the system picks. Nothing
//! is faked: requests go over sockets, what the table calls the verdict and the reason is what the
//! proxy's own metrics say, and what the app saw is what arrived there.

mod app;
mod cases;
mod metrics;
mod table;

use std::time::SystemTime;

use app::App;
use cases::{Case, Expected};
use metrics::Snapshot;
use table::Row;

use super::Failure;
use super::send::exchange;
use crate::config::{self, Options, Secrets};
use crate::providers::Providers;
use crate::server::Server;
use crate::verify::Timestamp;

pub(super) fn demo() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let app = runtime.block_on(App::start()).map_err(Failure::failed)?;
    let file = cases::configuration(app.address());
    let options = Options {
        secrets: Secrets::Read,
        providers: Providers::known(),
    };
    let loaded = config::read("demo.toml", &file, options);
    let Some(config) = loaded.config else {
        let findings: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
        return Err(Failure::failed(findings.join("\n")));
    };
    let server = Server::bind(&config).map_err(Failure::failed)?;
    let (Some(address), Some(admin)) =
        (server.addresses().first().copied(), server.admin_address())
    else {
        return Err(Failure::failed("the addresses taken are not known"));
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = std::thread::spawn(move || {
        server.serve(async move {
            let _ = stopped.await;
        })
    });

    println!(
        "app on {}, hookward on {address}, metrics on http://{admin}/metrics\n",
        app.address()
    );
    let before = Snapshot::scrape(admin)?;
    let mut rows = Vec::new();
    let now = Timestamp::from(SystemTime::now());
    for case in cases::all(now) {
        rows.push(play(&case, address, admin, &app)?);
    }
    let after = Snapshot::scrape(admin)?;
    table::print(&rows);
    println!("\nWhat moved at http://{admin}/metrics:\n");
    for (series, change) in after.since(&before) {
        println!("  {series} {change}");
    }

    let _ = stop.send(());
    let _ = serving.join();
    let wrong = rows.iter().filter(|row| !row.is_right).count();
    println!("\n{} requests, {wrong} wrong verdicts", rows.len());
    if wrong == 0 {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}

/// Sends one request and reads off what became of it.
fn play(
    case: &Case,
    address: std::net::SocketAddr,
    admin: std::net::SocketAddr,
    app: &App,
) -> Result<Row, Failure> {
    let url = format!("http://{address}{}", case.target)
        .parse()
        .map_err(Failure::failed)?;
    let before = Snapshot::scrape(admin)?;
    let answer = exchange(case.method, &url, &case.headers, case.body.clone())?;
    let verdict = Snapshot::scrape(admin)?.verdict_since(&before);
    let seen = app.take();
    let (outcome, reason) = verdict.unwrap_or_default();
    let is_right = match case.expected {
        Expected::Verified => {
            let intact = seen.as_ref().is_some_and(|seen| seen.body == case.body);
            outcome == "verified" && intact && answer.status == 200
        }
        Expected::Refused(expected) => {
            outcome == "rejected" && reason == expected.as_str() && seen.is_none()
        }
    };
    let app_saw = seen.map_or("nothing".to_owned(), |seen| {
        let verified = seen.verified.unwrap_or_default();
        format!("{} bytes, verified: {verified}", seen.body.len())
    });
    Ok(Row {
        scheme: case.scheme,
        sent: case.sent,
        status: answer.status.as_u16(),
        verdict: outcome,
        reason,
        app_saw,
        is_right,
    })
}
