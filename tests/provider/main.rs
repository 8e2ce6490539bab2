//! A provider that hookward does not know, described here and served: nothing but its description says
//! how it signs, which headers it sends and what it does with an answer.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails panics"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hookward::config::{self, Options, Secrets};
use hookward::providers::{HUBSPOT, Providers};
use hookward::server::Server;
use hookward::verify::Provider;
use hookward::verify::provider::{AnswerRules, KnownFacts, RetryAfterUnit, TimeLimit};
use hookward::verify::scheme::{Encoding, MacAlgorithm, Part, Scheme, Selector, Spellings};
use ring::hmac;

static ACME: Provider = Provider {
    name: "acme",
    schemes: &[Scheme {
        label: "acme-2",
        version: "acme",
        selector: Selector::OwnHeader,
        signature_header: "X-Acme-Tag",
        timestamp_header: Some("X-Acme-At"),
        mac: MacAlgorithm::HmacSha256,
        encoding: Encoding::HexLower,
        signed: &[
            Part::Literal("acme/2\n"),
            Part::Method,
            Part::Literal("\n"),
            Part::Uri,
            Part::Literal("\n"),
            Part::Body,
            Part::Literal("\n"),
            Part::Timestamp,
        ],
        spellings: Spellings::Received,
    }],
    versioned: None,
    nonce_header: None,
    headers: &["X-Acme-Tag", "X-Acme-At"],
    answers: AnswerRules {
        time_limit: TimeLimit::Fixed(Duration::from_secs(1)),
        overloaded_status: 425,
        retry_after: RetryAfterUnit::Seconds,
        repeats: "Acme sends it again after a 425",
    },
    known: KnownFacts {
        display_name: "Acme",
        calls_https_alone: true,
        mistaken_secrets: &[],
    },
    samples: &[],
};

static PROVIDERS: [&Provider; 2] = [&HUBSPOT, &ACME];

const SECRET: &str = "a secret of sixteen bytes and more";
const PATIENCE: Duration = Duration::from_secs(30);

/// An app that answers 200 and passes on what it received.
fn app() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (received, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read_message(&mut stream);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer).unwrap();
            received.send(request).unwrap();
        }
    });
    (address, receiver)
}

/// A head and as much of a body as it announces.
fn read_message(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                let is_length = name.eq_ignore_ascii_case("content-length");
                is_length.then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let mut more = [0; 4096];
        let count = stream.read(&mut more).unwrap();
        assert!(count > 0, "half a message: {text}");
        bytes.extend_from_slice(&more[..count]);
    }
}

fn send(address: SocketAddr, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "POST /acme?a=1 HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    read_message(&mut stream)
}

fn headers(secret: &str, body: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = now.as_millis();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let message = format!("acme/2\nPOST\nhttps://hooks.example.com/acme?a=1\n{body}\n{now}");
    let tag = hex::encode(hmac::sign(&key, message.as_bytes()));
    format!("X-Acme-Tag: {tag}\r\nX-Acme-At: {now}\r\n")
}

#[test]
fn a_provider_that_is_described_is_served() {
    let (app, received) = app();
    let text = format!(
        r#"
[server]
listen = ["127.0.0.1:0"]
max_body_bytes = "2KiB"
max_buffered_bytes = "1KiB"
[admin]
listen = "127.0.0.1:0"
[[route]]
name = "acme"
path = "/acme"
upstream = "http://{app}"
public_url = "https://hooks.example.com"
[route.verify]
scheme = "acme"
secrets = [{{ id = "one", value = "{SECRET}" }}]
"#
    );
    let options = Options {
        secrets: Secrets::Read,
        providers: Providers::new(&PROVIDERS),
    };
    let loaded = config::read("acme.toml", &text, options);
    let config = loaded
        .config
        .unwrap_or_else(|| panic!("{:?}", loaded.findings));
    let server = Server::bind(&config).unwrap();
    let address = server.addresses()[0];
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = std::thread::spawn(move || {
        server.serve(async move {
            let _ = stopped.await;
        })
    });

    let answer = send(address, &headers(SECRET, "{}"), "{}");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let request = received.recv_timeout(PATIENCE).unwrap();
    assert!(
        request.contains("X-Hookward-Verified: acme-2\r\n"),
        "{request}"
    );
    assert!(request.contains("X-Acme-Tag: "), "{request}");

    for (sent, headers) in [
        (
            "another secret's",
            headers("another secret of sixteen bytes", "{}"),
        ),
        ("none", String::new()),
        ("twice", headers(SECRET, "{}").repeat(2)),
    ] {
        let answer = send(address, &headers, "{}");
        assert!(answer.starts_with("HTTP/1.1 401 "), "{sent}: {answer}");
    }
    let nominated = format!("Connection: x-acme-at\r\n{}", headers(SECRET, "{}"));
    let answer = send(address, &nominated, "{}");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let body = "x".repeat(1_500);
    let answer = send(address, &headers(SECRET, &body), &body);
    assert!(
        answer.starts_with("HTTP/1.1 425 "),
        "there is no room: {answer}"
    );
    assert!(answer.contains("Retry-After: 1\r\n"), "{answer}");
    assert!(received.try_recv().is_err());
    let _ = stop.send(());
    assert!(serving.join().unwrap());
}
