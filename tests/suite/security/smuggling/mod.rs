//! A corpus of raw requests that two servers could read differently. Each names the confusion that it
//! would cause: whatever hookward takes for one request, the app must see as exactly that one.

mod chunks;
mod heads;
mod lengths;

use crate::support::app::App;
use crate::support::client::Client;
use crate::support::sign::{self, Kind, SECRET};

use super::start;

/// A name of the confusion, a raw request, and what must come of it.
type Case = (&'static str, String, Expected);

/// What must come of a raw request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// This status, nothing reaches the app, and the connection ends: what follows is no request.
    Refused(u16),
    /// The app sees one request with the body that was signed.
    Forwarded,
    /// The same, and what follows is no request.
    ForwardedAlone,
}
use Expected::{Forwarded, ForwardedAlone, Refused};

/// A request that would be a forgery, were it ever read as one.
const SMUGGLED: &str = "POST /twenty HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
const BODY: &str = "{\"a\":1}";

/// A head signed for [`BODY`], of `line` and `fields`.
fn head(line: &str, fields: &str) -> String {
    let signature: String = sign::twenty(SECRET, BODY.as_bytes(), &sign::now(0))
        .into_iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("{line}\r\n{fields}{signature}\r\n")
}

/// A request of these fields, and then the smuggled one.
fn fields(fields: &str, body: &str) -> String {
    let head = head("POST /twenty HTTP/1.1", &format!("Host: x\r\n{fields}"));
    format!("{head}{body}{SMUGGLED}")
}

/// A request of this line, and then the smuggled one.
fn line(line: &str) -> String {
    let head = head(line, "Host: x\r\nContent-Length: 7\r\n");
    format!("{head}{BODY}{SMUGGLED}")
}

#[test]
fn the_app_sees_the_requests_that_verified_and_nothing_else() {
    let app = App::start();
    let proxy = start(&app);
    let corpus = [lengths::cases(), chunks::cases(), heads::cases()].concat();
    for (name, raw, expected) in corpus {
        let mut client = Client::connect(proxy.address);
        client.send_what_is_taken(raw.as_bytes());
        let answer = client.answer("POST");
        match expected {
            Refused(status) => {
                assert_eq!(answer.status, status, "{name}");
                if answer.header("connection") == Some("close") {
                    assert!(client.is_closed(), "{name}");
                } else {
                    assert_eq!(client.answer("POST").status, 401, "{name}");
                }
            }
            Forwarded | ForwardedAlone => {
                assert_eq!(answer.status, 200, "{name}");
                let seen = app.next();
                assert_eq!(
                    (&*seen.method, &*seen.target),
                    ("POST", "/twenty"),
                    "{name}"
                );
                assert_eq!(seen.body, BODY.as_bytes(), "{name}");
                assert_eq!(seen.one("content-length"), Some("7"), "{name}");
                assert_eq!(seen.one("x-hookward-verified"), Some("twenty"), "{name}");
                for name in seen
                    .headers
                    .iter()
                    .map(|(name, _)| name.to_ascii_lowercase())
                {
                    let name = name.replace(|other: char| !other.is_alphanumeric(), "-");
                    let is_framing = matches!(&*name, "transfer-encoding" | "upgrade" | "expect");
                    assert!(!is_framing, "{name}: {:?}", seen.headers);
                }
                let expected = if expected == Forwarded { 401 } else { 400 };
                assert_eq!(
                    client.answer("POST").status,
                    expected,
                    "{name}: what follows is judged"
                );
            }
        }
        app.assert_nothing_more();
    }
}

#[test]
fn the_body_of_a_refused_request_is_never_read_as_a_request() {
    let app = App::start();
    let proxy = start(&app);
    for line in [
        "POST /twenty",
        "POST /nowhere",
        "DELETE /twenty",
        "GET /twenty",
        "HEAD /nowhere",
    ] {
        let inner = String::from_utf8(Kind::Twenty.request(b"{}").bytes()).unwrap();
        let good = Kind::Twenty.request(b"after").bytes();
        let length = inner.len();
        let raw = format!("{line} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{inner}");
        let mut client = Client::connect(proxy.address);
        client.send_what_is_taken(&[raw.as_bytes(), &good].concat());
        let first = client.answer("GET");
        assert!(
            matches!(first.status, 401 | 404 | 405),
            "{line}: {}",
            first.status
        );
        if first.header("connection") != Some("close")
            && let Some(second) = client.try_answer("POST")
        {
            assert_eq!(second.status, 200, "{line}");
            assert_eq!(app.next().body, b"after", "{line}");
        }
        app.assert_nothing_more();
    }
}
