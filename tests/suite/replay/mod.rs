//! A request counts once: what the app took is never delivered again, and what it did not take may come again at
//! once.

mod at_once;
mod expiry;
mod kept;
mod limits;
mod released;
mod repeated;
mod senders;

use std::collections::VecDeque;
use std::fmt::Display;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Mutex;

use crate::support::app::App;
use crate::support::client::Answer;
use crate::support::eventually;
use crate::support::protocol::Protocol;
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{PUBLIC_URL, SECRET};

/// Why a request is not forwarded that the app has taken, as the log says it.
const TAKEN: &str = "the app has taken it already";
/// The same of a request that waits for the app's answer.
const ON_ITS_WAY: &str = "it is on its way to the app";

/// A route for HubSpot and one for Twenty: `keys` are more lines of the route, `verify` of its `[route.verify]`.
fn routes(app: impl Display, keys: &str, verify: &str) -> String {
    let secrets = secrets(&[("s", SECRET)]);
    let keys = format!("public_url = \"{PUBLIC_URL}\"\n{keys}");
    let hubspot = "scheme = \"hubspot\"\nversions = [\"v1\", \"v2\", \"v3\"]";
    [("hubspot", hubspot), ("twenty", "scheme = \"twenty\"")]
        .map(|(name, scheme)| {
            let verify = format!("{scheme}\n{verify}\n{secrets}");
            route(name, &format!("/{name}"), &app, &keys, &verify)
        })
        .concat()
}

fn start(app: &App, keys: &str, verify: &str) -> Proxy {
    Proxy::start("", &routes(app.url(), keys, verify))
}

/// How many claims had this result.
fn claims(proxy: &Proxy, result: &str) -> f64 {
    proxy.metric(&format!(
        "hookward_replay_claims_total{{result=\"{result}\"}}"
    ))
}

/// How many requests were refused as replayed.
fn replayed(proxy: &Proxy, route: &str, scheme: &str) -> f64 {
    proxy.metric(&format!(
        "hookward_verdicts_total{{reason=\"replayed\",route=\"{route}\",scheme=\"{scheme}\",verdict=\"rejected\"}}"
    ))
}

/// Waits until so many answers with this status went to senders, of whoever they came.
fn wait_for_answers(proxy: &Proxy, route: &str, status: u16, count: u32) {
    eventually("the answers", || {
        let of = |origin: &str| {
            proxy.metric(&format!(
                "hookward_responses_total{{origin=\"{origin}\",route=\"{route}\",status=\"{status}\"}}"
            ))
        };
        (of("app") + of("hookward") >= f64::from(count)).then_some(())
    });
}

/// Fails unless this is the answer to a replay.
fn assert_replayed(answer: &Answer, what: &str) {
    assert_eq!((answer.status, &*answer.body), (409, &b""[..]), "{what}");
}

/// The detail of the line that the log has of the first refusal for this reason.
fn detail(proxy: &Proxy, reason: &str) -> String {
    let line = proxy.logged("refused", |line| line["reason"] == reason);
    line["detail"].as_str().unwrap().to_owned()
}

/// What an app does with one request.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Answers these bytes and keeps the connection.
    Says(&'static str),
    /// Answers these bytes and closes the connection.
    Breaks(&'static str),
    /// Answers nothing, and keeps the connection.
    Silent,
}

const OK: Step = Step::Says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

impl Step {
    fn play(self, stream: &mut TcpStream) -> bool {
        match self {
            Self::Says(bytes) => stream.write_all(bytes.as_bytes()).is_ok(),
            Self::Breaks(bytes) => {
                let _ = stream.write_all(bytes.as_bytes());
                false
            }
            Self::Silent => true,
        }
    }
}

/// An app that does one after the other, and answers 200 to whatever comes after these.
fn app_that(steps: impl IntoIterator<Item = Step>) -> App {
    let steps = Mutex::new(steps.into_iter().collect::<VecDeque<_>>());
    App::behaving(move |stream, _| {
        let step = steps.lock().unwrap().pop_front();
        step.unwrap_or(OK).play(stream)
    })
}

/// An app whose first request is answered with what is sent by the returned channel, all others with 200.
fn app_that_waits() -> (App, std::sync::mpsc::Sender<Step>) {
    let (say, told) = std::sync::mpsc::channel();
    let told = Mutex::new(Some(told));
    let app = App::behaving(move |stream, _| {
        let told = told.lock().unwrap().take();
        let step = told.map_or(OK, |told| told.recv().unwrap_or(OK));
        step.play(stream)
    });
    (app, say)
}

/// The scheme of a URL by the test's protocol.
fn scheme() -> &'static str {
    if Protocol::current().is_tls() {
        "https"
    } else {
        "http"
    }
}
