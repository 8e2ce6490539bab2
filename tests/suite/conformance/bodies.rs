//! Every byte of a verified body arrives, however it was sent.

use super::{body, start};
use crate::support::app::App;
use crate::support::client::{Client, Framing, Request};
use crate::support::protocol::over_each_protocol;
use crate::support::sign::{self, Kind};

const SIZES: [usize; 7] = [0, 1, 65_535, 65_536, 65_537, 1 << 20, 8 << 20];

over_each_protocol!(every_kind_verifies_at_every_size_in_both_framings_on_one_connection);

fn every_kind_verifies_at_every_size_in_both_framings_on_one_connection() {
    let app = App::start();
    let proxy = start(&app);
    let mut connection = proxy.connect();
    for kind in Kind::ALL {
        for size in SIZES {
            for framing in [Framing::Length, Framing::Chunked(10_007)] {
                let body = body(size);
                let request = kind.request(&body).framed(framing);
                let answer = connection.exchange(&request);
                let what = format!("{kind:?} {size} {framing:?}");
                assert_eq!(
                    (answer.status, &answer.body[..]),
                    (200, &b"ok"[..]),
                    "{what}"
                );
                assert_eq!(answer.header("x-app"), Some("yes"), "{what}");
                let seen = app.next();
                assert!(seen.body == body, "{what}: the body changed");
                assert_eq!(
                    seen.one("content-length"),
                    Some(&*size.to_string()),
                    "{what}"
                );
                assert_eq!(
                    seen.one("x-hookward-verified"),
                    Some(kind.label()),
                    "{what}"
                );
                assert_eq!(seen.one("x-hookward-secret"), Some("current"), "{what}");
                assert_eq!(seen.target, kind.path(), "{what}: the key is stripped");
            }
        }
    }
    app.assert_nothing_more();
    let sent = Kind::ALL.len() * SIZES.len() * 2;
    let matched: f64 = ["hubspot", "twenty", "key-header", "key-query"]
        .map(|route| {
            proxy.metric(&format!(
                "hookward_secret_matches_total{{route=\"{route}\",secret=\"current\"}}"
            ))
        })
        .iter()
        .sum();
    assert_eq!(matched, f64::from(u32::try_from(sent).unwrap()));
    assert_eq!(proxy.metric("hookward_buffered_bytes"), 0.0);
    assert_eq!(proxy.metric("hookward_connections"), 1.0);
}

#[test]
fn a_body_of_one_byte_chunks_and_one_cut_anywhere_arrive_whole() {
    let app = App::start();
    let proxy = start(&app);
    let body = body(3_000);
    let request = Kind::Twenty.request(&body).framed(Framing::Chunked(1));
    assert_eq!(proxy.send(&request).status, 200);
    assert_eq!(app.next().body, body);
    let request = || Kind::V3.request(b"0123456789").bytes();
    for cut in (1..request().len()).step_by(5) {
        let bytes = request();
        let mut client = Client::connect(proxy.address);
        client.send(&bytes[..cut]);
        client.send(&bytes[cut..]);
        assert_eq!(client.answer("POST").status, 200, "cut at {cut}");
        assert_eq!(app.next().body, b"0123456789", "cut at {cut}");
    }
}

#[test]
fn pipelined_requests_of_mixed_verdicts_are_answered_in_order() {
    let app = App::start();
    let proxy = start(&app);
    let good = |body: &str| Kind::Twenty.request(body.as_bytes());
    let forged = || Request {
        body: b"forged".to_vec(),
        ..good("signed")
    };
    let mut client = Client::connect(proxy.address);
    let pipelined = [
        good("first").bytes(),
        forged().bytes(),
        good("third").framed(Framing::Chunked(2)).bytes(),
        good("unsigned")
            .without("X-Twenty-Webhook-Signature")
            .bytes(),
        Request::new("GET", "/nowhere", "").bytes(),
        good("sixth").bytes(),
    ];
    client.send(&pipelined.concat());
    let statuses: Vec<u16> = pipelined
        .iter()
        .map(|_| client.answer("POST").status)
        .collect();
    assert_eq!(statuses, [200, 401, 200, 401, 404, 200]);
    let bodies: Vec<Vec<u8>> = (0..3).map(|_| app.next().body).collect();
    assert_eq!(
        bodies,
        [b"first".to_vec(), b"third".to_vec(), b"sixth".to_vec()]
    );
    app.assert_nothing_more();
}

#[test]
fn a_sender_that_asks_to_go_on_is_told_to_only_after_the_header_checks() {
    let app = App::start();
    let proxy = start(&app);
    let good = Kind::V3
        .request(&body(100_000))
        .header("Expect", "100-continue");
    let mut client = Client::connect(proxy.address);
    client.send(&good.head_bytes());
    assert_eq!(client.try_answer("POST").unwrap().status, 100);
    client.send(&good.body);
    assert_eq!(client.answer("POST").status, 200);
    let seen = app.next();
    assert_eq!((seen.body.len(), seen.one("expect")), (100_000, None));
    client.send(&Kind::V3.request(b"{}").bytes());
    assert_eq!(client.answer("POST").status, 200, "the connection stays");
    app.next();

    let stale = good.with("X-HubSpot-Request-Timestamp", sign::now(-400_000));
    let mut client = Client::connect(proxy.address);
    client.send(&stale.head_bytes());
    assert_eq!(client.try_answer("POST").unwrap().status, 401);
    app.assert_nothing_more();
}
