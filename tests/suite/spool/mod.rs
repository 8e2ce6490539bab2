//! No verified event is lost: what the app does not take is kept on the disk, answered 202, and delivered until the app
//! has taken it, or will not.

mod always;
mod commands;
mod files;
mod full;
mod letters;
mod on_failure;
mod order;
mod pauses;
mod reloads;
mod repeated;
mod restarts;
mod shapes;
mod told;
mod unverified;
mod upgrades;

use std::fmt::Display;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::app::{App, Seen};
use crate::support::client::Answer;
use crate::support::eventually;
use crate::support::proxy::{Proxy, command};
use crate::support::route::{route, secrets};
use crate::support::sign::{PUBLIC_URL, SECRET};

const ON_FAILURE: &str = "spool = \"on-failure\"";
const ALWAYS: &str = "spool = \"always\"";

/// The headers by which the app is told of a delivery.
const OF_A_DELIVERY: [&str; 3] = [
    "X-Hookward-Delivery",
    "X-Hookward-Attempt",
    "X-Hookward-Received-At",
];

/// A route for HubSpot, for Twenty, for a key in a header and for one in a query: `keys` are more lines of each.
fn routes(app: impl Display, keys: &str) -> String {
    let secrets = secrets(&[("s", SECRET)]);
    let methods = "methods = [\"POST\", \"GET\", \"HEAD\", \"PUT\"]";
    let keys = format!("{methods}\npublic_url = \"{PUBLIC_URL}\"\n{keys}");
    [
        (
            "hubspot",
            "scheme = \"hubspot\"\nversions = [\"v1\", \"v2\", \"v3\"]",
        ),
        ("twenty", "scheme = \"twenty\""),
        ("key-header", "scheme = \"api-key\"\nheader = \"X-Api-Key\""),
        ("key-query", "scheme = \"api-key\"\nquery = \"api_key\""),
    ]
    .map(|(name, scheme)| {
        let verify = format!("{scheme}\n{secrets}");
        route(name, &format!("/{name}"), &app, &keys, &verify)
    })
    .concat()
}

/// Where events are kept, longer than a process runs.
struct Directory {
    _guard: tempfile::TempDir,
    path: PathBuf,
}

impl Directory {
    /// One that hookward has yet to make.
    fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        Self {
            path: guard.path().join("spool"),
            _guard: guard,
        }
    }

    /// `[spool]`, the last table of a configuration.
    fn table(&self) -> String {
        format!("[spool]\nstore = \"disk\"\ndirectory = {:?}\n", self.path)
    }

    /// Routes that keep events here.
    fn routes(&self, app: impl Display, keys: &str) -> String {
        routes(app, keys) + &self.table()
    }

    fn start(&self, app: impl Display, keys: &str) -> Proxy {
        Proxy::start("", &self.routes(app, keys))
    }
}

/// What an app says to a request.
#[derive(Clone, Debug)]
enum Says {
    /// Answers these bytes and keeps the connection.
    Text(String),
    /// Answers these bytes, or none, and closes the connection.
    Breaks(String),
    /// Answers nothing, and keeps the connection.
    Nothing,
}

impl Says {
    /// An answer without a body.
    fn status(status: u16) -> Self {
        Self::with(status, "")
    }

    /// The same with more header lines, which end in a line end.
    fn with(status: u16, fields: &str) -> Self {
        let length = if status == 204 {
            ""
        } else {
            "Content-Length: 0\r\n"
        };
        Self::Text(format!("HTTP/1.1 {status} X\r\n{length}{fields}\r\n"))
    }
}

/// An app that says to each request what `say` makes of it.
fn app_that(say: impl Fn(&Seen) -> Says + Send + Sync + 'static) -> App {
    App::behaving(move |stream, seen| match say(seen) {
        Says::Text(text) => stream.write_all(text.as_bytes()).is_ok(),
        Says::Breaks(text) => {
            // Nobody may be there to read it.
            let _ = stream.write_all(text.as_bytes());
            false
        }
        Says::Nothing => true,
    })
}

/// An app, and what it says from now on.
struct Fickle {
    app: App,
    says: Arc<Mutex<Says>>,
}

impl Fickle {
    fn saying(says: Says) -> Self {
        let says = Arc::new(Mutex::new(says));
        let told = Arc::clone(&says);
        let app = app_that(move |_| told.lock().unwrap().clone());
        Self { app, says }
    }

    fn answering(status: u16) -> Self {
        Self::saying(Says::status(status))
    }

    fn says(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    fn answers(&self, status: u16) {
        self.says(Says::status(status));
    }
}

impl std::ops::Deref for Fickle {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

/// An app that refuses requests until they are delivered, and whose first delivery is answered with what is sent by the
/// returned channel. Others, and without a sender this one too, are taken.
fn app_that_ponders() -> (App, std::sync::mpsc::Sender<Says>) {
    let (say, told) = std::sync::mpsc::channel();
    let told = Mutex::new(Some(told));
    let app = app_that(move |seen| {
        if !is_delivery(seen) {
            return Says::status(503);
        }
        let told = told.lock().unwrap().take();
        let said = told.and_then(|told| told.recv().ok());
        said.unwrap_or_else(|| Says::status(204))
    });
    (app, say)
}

/// An address of this machine at which nobody listens, and at which nobody but the caller will.
fn free_address() -> SocketAddr {
    static LAST: AtomicU8 = AtomicU8::new(1);
    let host = [127, 0, 1, LAST.fetch_add(1, Ordering::SeqCst)];
    let listener = TcpListener::bind((std::net::Ipv4Addr::from(host), 0)).unwrap();
    listener.local_addr().unwrap()
}

/// Whether a request comes from the spool.
fn is_delivery(seen: &Seen) -> bool {
    let told = OF_A_DELIVERY.map(|name| seen.one(name).is_some());
    assert!(told[0] == told[1] && told[1] == told[2], "{seen:?}");
    told[0]
}

/// What the app is told of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Delivery {
    id: String,
    attempt: u32,
    received_at: i64,
}

fn delivery(seen: &Seen) -> Delivery {
    assert!(is_delivery(seen), "{seen:?}");
    let [id, attempt, received_at] = OF_A_DELIVERY.map(|name| seen.one(name).unwrap());
    let is_hex = |character: char| matches!(character, '0'..='9' | 'a'..='f');
    assert!(id.len() == 32 && id.chars().all(is_hex), "{id}");
    Delivery {
        id: id.to_owned(),
        attempt: attempt.parse().unwrap(),
        received_at: received_at.parse().unwrap(),
    }
}

/// The next request from the spool; others are passed over.
fn next_delivery(app: &App) -> Seen {
    loop {
        let seen = app.next();
        if is_delivery(&seen) {
            return seen;
        }
    }
}

type Parts = (String, String, Vec<(String, String)>, Vec<u8>);

/// A request less what the app is told of a delivery.
fn request_of(seen: &Seen) -> Parts {
    let headers = seen.headers.iter();
    let headers = headers.filter(|(name, _)| !OF_A_DELIVERY.contains(&&**name));
    (
        seen.method.clone(),
        seen.target.clone(),
        headers.cloned().collect(),
        seen.body.clone(),
    )
}

/// Fails unless a sender was told that the request is stored.
fn assert_stored(answer: &Answer) {
    assert_eq!((answer.status, &*answer.body), (202, &b""[..]));
}

/// How many events of a route are in this state.
fn events(proxy: &Proxy, route: &str, state: &str) -> f64 {
    proxy.metric(&format!(
        "hookward_spool_events{{route=\"{route}\",state=\"{state}\"}}"
    ))
}

/// How many events were stored.
fn stored(proxy: &Proxy, route: &str) -> f64 {
    proxy.metric(&format!("hookward_spool_stored_total{{route=\"{route}\"}}"))
}

/// How many attempts ended so.
fn deliveries(proxy: &Proxy, route: &str, result: &str) -> f64 {
    proxy.metric(&format!(
        "hookward_spool_deliveries_total{{result=\"{result}\",route=\"{route}\"}}"
    ))
}

/// Waits until this many attempts ended so, or more.
fn wait_for_deliveries(proxy: &Proxy, route: &str, result: &str, count: f64) {
    eventually(&format!("{count} × {result}"), || {
        (deliveries(proxy, route, result) >= count).then_some(())
    });
}

/// Waits until no event of a route is left, waiting or dead.
fn wait_for_none(proxy: &Proxy, route: &str) {
    eventually("the events to be gone", || {
        let left = events(proxy, route, "waiting") + events(proxy, route, "dead");
        (left == 0.0).then_some(())
    });
}

/// Runs `hookward spool` with the configuration of this process, which may have ended: exit code, standard output,
/// standard error.
fn spool(proxy: &Proxy, arguments: &[&str]) -> (i32, String, String) {
    let file = proxy.config_file();
    command(&[&["spool"], arguments, &["--config", &file]].concat())
}

/// The same, which must succeed. Returns what was printed.
fn spool_prints(proxy: &Proxy, arguments: &[&str]) -> String {
    let (code, out, errors) = spool(proxy, arguments);
    assert_eq!((code, &*errors), (0, ""), "{out}");
    out
}

/// All events, as programs read them.
fn list(proxy: &Proxy) -> Vec<Value> {
    let out = spool_prints(proxy, &["list", "--format", "json"]);
    serde_json::from_str(&out).unwrap()
}

/// The only event.
fn only(proxy: &Proxy) -> Value {
    let mut all = list(proxy);
    assert_eq!(all.len(), 1, "{all:?}");
    all.pop().unwrap()
}
