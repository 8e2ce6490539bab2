//! Many requests on one connection.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::server::Builder;
use http::Response;
use tokio::sync::Barrier;

use super::*;
use crate::support::PATIENCE;
use crate::support::client::{Answer, Client, Framing, Request};
use crate::support::http2_app::Stream;
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::Kind;

/// Sends so many requests at once, each with a body of its own.
fn send_at_once(proxy: &Proxy, count: usize) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let send = |index: usize| {
            move || proxy.send(&Kind::Twenty.request(format!("{{\"n\":{index}}}").as_bytes()))
        };
        let sending: Vec<_> = (0..count).map(|index| scope.spawn(send(index))).collect();
        let sending = sending.into_iter();
        sending.map(|sending| sending.join().unwrap()).collect()
    })
}

/// An app that answers with what it got, once so many requests wait for that.
fn echo_together(builder: &Builder, count: usize) -> Http2App {
    let together = Arc::new(Barrier::new(count));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Http2App::with(builder, listener, move |mut stream: Stream| {
        let together = Arc::clone(&together);
        async move {
            let body = stream.read().await;
            together.wait().await;
            stream.answer(200, body).await;
        }
    })
}

#[test]
fn requests_at_once_share_a_connection() {
    let app = echo_together(&Builder::new(), 50);
    let proxy = start(&app, "");
    for (index, answer) in send_at_once(&proxy, 50).into_iter().enumerate() {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, format!("{{\"n\":{index}}}").into_bytes());
    }
    assert_eq!(app.connections(), 1);
}

#[test]
fn no_more_streams_are_opened_than_the_app_allows() {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(4);
    let app = echo_together(&builder, 10);
    let proxy = start(&app, "");
    for answer in send_at_once(&proxy, 10) {
        assert_eq!(answer.status, 200);
    }
    assert_eq!(app.connections(), 3);
}

#[test]
fn a_request_arrives_as_it_was_sent() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heads = Arc::clone(&seen);
    let app = Http2App::behaving(move |mut stream: Stream| {
        heads.lock().unwrap().push(stream.head.clone());
        async move {
            let body = stream.read().await;
            stream.answer(200, body).await;
        }
    });
    let proxy = start(&app, "");
    let target = "/key-header?a=%2F&b={x}|^`[]&c=\\&d=%&e=";
    let request = Request::new("PUT", target, "a body")
        .header("Host", "Hooks.example:8080")
        .header("X-Api-Key", crate::support::sign::SECRET)
        .header("X-Second", [0xe9, b' ', 0xff])
        .header("x-FIRST", "1")
        .header("Connection", "keep-alive")
        .header("TE", "trailers")
        .header("X-Second", "again");
    let answer = proxy.send(&request);
    assert_eq!((answer.status, &*answer.body), (200, &b"a body"[..]));
    assert_eq!(answer.header("x-app"), Some("yes"));
    assert!(
        answer.head.contains("\r\nx-app: yes\r\n"),
        "{}",
        answer.head
    );
    let seen = seen.lock().unwrap();
    let [head] = &**seen else {
        panic!("{seen:?}");
    };
    assert_eq!(head.method, "PUT");
    assert_eq!(head.uri.path_and_query().unwrap(), target);
    assert_eq!(head.uri.authority().unwrap(), "Hooks.example:8080");
    assert_eq!(head.uri.scheme_str(), Some("http"));
    let sent: Vec<(&str, &[u8])> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .filter(|(name, _)| !name.starts_with("x-hookward") && !name.starts_with("x-forwarded"))
        .filter(|(name, _)| *name != "x-request-id")
        .collect();
    let expected: [(&str, &[u8]); 4] = [
        ("x-second", &[0xe9, b' ', 0xff]),
        ("x-second", b"again"),
        ("x-first", b"1"),
        ("content-length", b"6"),
    ];
    assert_eq!(sent, expected);
    assert_eq!(head.headers["x-hookward-verified"], "api-key");
}

#[test]
fn large_bodies_pass_both_ways() {
    let app = Http2App::behaving(|mut stream: Stream| async move {
        let body = stream.read().await;
        stream.answer(200, body).await;
    });
    let proxy = start(&app, "");
    let body: Vec<u8> = (0..8_u32 << 20).map(|n| n.to_le_bytes()[2]).collect();
    for framing in [Framing::Length, Framing::Chunked(70_000)] {
        let answer = proxy.send(&Kind::Twenty.request(&body).framed(framing));
        assert_eq!(answer.status, 200);
        assert!(answer.body == body, "{} bytes came back", answer.body.len());
    }
    assert_eq!(app.connections(), 1);
}

#[test]
fn an_app_that_answers_early_gets_the_whole_request() {
    let (sender, read) = std::sync::mpsc::channel();
    let app = Http2App::behaving(move |mut stream: Stream| {
        let sender = sender.clone();
        async move {
            stream.answer(200, "early").await;
            sender.send(stream.read().await.len()).unwrap();
        }
    });
    let proxy = start(&app, "");
    let answer = proxy.send(&Kind::Twenty.request(&vec![b'x'; 8 << 20]));
    assert_eq!((answer.status, &*answer.body), (200, &b"early"[..]));
    assert_eq!(read.recv_timeout(PATIENCE).unwrap(), 8 << 20);
}

#[test]
fn a_refusal_reaches_the_sender_though_the_app_reads_no_further() {
    let app = Http2App::behaving(|mut stream: Stream| async move {
        stream.answer(413, "big").await;
    });
    let proxy = start(&app, "");
    for _ in 0..5 {
        let answer = proxy.send(&Kind::Twenty.request(&vec![b'x'; 8 << 20]));
        assert_eq!((answer.status, &*answer.body), (413, &b"big"[..]));
    }
    proxy.logged("upload_cut", |line| line["http_status"] == 413);
}

#[test]
fn informational_answers_pass_and_trailers_do_not() {
    let app = Http2App::behaving(|mut stream: Stream| async move {
        let hints = Response::builder().status(103).header("link", "</a>");
        let hints = hints.body(()).unwrap();
        stream.respond.send_informational(hints).unwrap();
        let head = Response::new(());
        let mut sending = stream.respond.send_response(head, false).unwrap();
        sending
            .send_data(Bytes::from_static(b"body"), false)
            .unwrap();
        let trailers = [("x-trailer".parse().unwrap(), "t".parse().unwrap())];
        sending
            .send_trailers(trailers.into_iter().collect())
            .unwrap();
    });
    let proxy = start(&app, "");
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(b"{}").bytes());
    let hints = client.try_answer("POST").unwrap();
    assert_eq!((hints.status, hints.header("link")), (103, Some("</a>")));
    let answer = client.answer("POST");
    assert_eq!((answer.status, &*answer.body), (200, &b"body"[..]));
    assert!(!answer.head.contains("x-trailer"), "{}", answer.head);
}

#[test]
fn an_answer_to_head_has_its_length_and_no_body() {
    let app = Http2App::behaving(|mut stream: Stream| async move {
        let head = Response::builder().header("content-length", "500");
        let head = head.body(()).unwrap();
        stream.respond.send_response(head, true).unwrap();
    });
    let keys = format!("methods = [\"HEAD\"]\n{H2}");
    let verify = format!(
        "scheme = \"api-key\"\nheader = \"X-Api-Key\"\n{}",
        secrets(&[("only", "a secret")])
    );
    let proxy = Proxy::start("", &route("head", "/head", app.url(), &keys, &verify));
    let mut client = Client::connect(proxy.address);
    for _ in 0..2 {
        let request = Request::new("HEAD", "/head", "").header("X-Api-Key", "a secret");
        client.send(&request.bytes());
        let answer = client.answer("HEAD");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-length"), Some("500"));
    }
    assert_eq!(app.connections(), 1);
}
