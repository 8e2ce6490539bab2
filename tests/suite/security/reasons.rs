//! Every refusal has its reason, in order, and its status; the answers tell nothing.

use super::{refused, start};
use crate::support::app::App;
use crate::support::client::{Framing, Request};
use crate::support::http2;
use crate::support::protocol::{Protocol, over_each_protocol};
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind, SECRET};

over_each_protocol!(
    every_reason_has_its_status_and_the_first_in_order_counts,
    a_405_names_the_methods_and_a_route_label_is_there_once_it_is_known,
    all_401s_are_the_same_bytes,
);

fn every_reason_has_its_status_and_the_first_in_order_counts() {
    let app = App::start();
    let server = "max_body_bytes = \"100KiB\"\nbody_timeout = \"30s\"\n";
    let routes = sign::routes(app.url(), "");
    let proxy = Proxy::start(server, &routes);
    let v1 = || Kind::V1.request(b"{}");
    let v3 = || Kind::V3.request(b"{}");
    let twenty = || Kind::Twenty.request(b"{}");
    let cases = [
        (
            400,
            "bad_request",
            v3().header("Connection", "X-HubSpot-Signature-v3"),
        ),
        (
            400,
            "bad_request",
            v3().header("Expect", "100-continue")
                .header("Expect", "100-continue"),
        ),
        (
            400,
            "bad_request",
            Request {
                target: "http://other.example/hubspot".to_owned(),
                ..v3()
            },
        ),
        (
            400,
            "bad_request",
            Request {
                target: "http://proxy.internal?x".to_owned(),
                ..v3()
            },
        ),
        (
            400,
            "bad_target",
            Request {
                target: "http://proxy.internal/hubspot/..".to_owned(),
                ..v3()
            },
        ),
        (
            400,
            "bad_target",
            Request {
                target: "/hubspot\0".to_owned(),
                ..v3()
            },
        ),
        (
            400,
            "bad_target",
            Request {
                target: "/hubspot\\".to_owned(),
                ..v3()
            },
        ),
        (
            400,
            "bad_target",
            Request {
                target: "/hubspot%2".to_owned(),
                ..v3()
            },
        ),
        (
            400,
            "bad_target",
            Request {
                target: "/hubspot?q={".to_owned(),
                ..v3()
            },
        ),
        (
            400,
            "bad_target",
            Request {
                target: "/hubspot/..".to_owned(),
                ..v3()
            },
        ),
        (
            400,
            "bad_target",
            Request {
                target: "/nowhere/%2e".to_owned(),
                ..v3()
            },
        ),
        (
            400,
            "bad_target",
            Request {
                target: "/hubspot?q=[".to_owned(),
                ..v3()
            },
        ),
        (
            400,
            "bad_target",
            Request {
                target: "/hubspot?q=\"".to_owned(),
                ..v3()
            },
        ),
        (
            404,
            "no_route",
            Request {
                target: "/hubspot/".to_owned(),
                ..v3()
            },
        ),
        (
            404,
            "no_route",
            Request {
                target: "/Hubspot".to_owned(),
                method: "DELETE".to_owned(),
                ..v3()
            },
        ),
        (
            405,
            "method_not_allowed",
            Request {
                method: "DELETE".to_owned(),
                ..v3()
            },
        ),
        (
            405,
            "method_not_allowed",
            Request {
                method: "HEAD".to_owned(),
                ..v3()
            },
        ),
        (
            413,
            "body_too_large",
            Request {
                body: vec![b'x'; 102_401],
                ..v1()
            }
            .without("X-HubSpot-Signature"),
        ),
        (
            413,
            "body_too_large",
            Kind::V1
                .request(&vec![b'x'; 102_401])
                .framed(Framing::Chunked(4_096)),
        ),
        (
            401,
            "duplicate_header",
            v3().header("X-HubSpot-Request-Timestamp", "1"),
        ),
        (
            401,
            "duplicate_header",
            v3().header("x-hubspot-signature-V3", ""),
        ),
        (
            401,
            "duplicate_header",
            v1().header("X-HubSpot-Signature-Version", "v1"),
        ),
        (
            401,
            "duplicate_header",
            twenty().header("X-Twenty-Webhook-Signature", "x"),
        ),
        (
            401,
            "duplicate_header",
            Kind::KeyHeader.request(b"{}").header("x-api-key", SECRET),
        ),
        (
            401,
            "duplicate_header",
            Request {
                target: format!("/key-query?api_key={SECRET}&api%5fkey="),
                ..Kind::KeyQuery.request(b"{}")
            },
        ),
        (
            401,
            "missing_signature",
            v1().without("X-HubSpot-Signature"),
        ),
        (
            401,
            "missing_signature",
            twenty()
                .without("X-Twenty-Webhook-Signature")
                .with("X-Twenty-Webhook-Timestamp", "1"),
        ),
        (
            401,
            "missing_api_key",
            Kind::KeyHeader.request(b"{}").without("X-Api-Key"),
        ),
        (
            401,
            "missing_api_key",
            Request {
                target: "/key-query?api_keys=x".to_owned(),
                ..Kind::KeyQuery.request(b"{}")
            },
        ),
        (
            401,
            "unaccepted_version",
            v1().with("X-HubSpot-Signature-Version", "v3"),
        ),
        (
            401,
            "unaccepted_version",
            v1().without("X-HubSpot-Signature-Version"),
        ),
        (
            401,
            "malformed_signature",
            v1().with("X-HubSpot-Signature", ""),
        ),
        (
            401,
            "malformed_signature",
            v3().with("X-HubSpot-Signature-v3", "é".repeat(22))
                .without("X-HubSpot-Request-Timestamp"),
        ),
        (
            401,
            "malformed_signature",
            v3().with("X-HubSpot-Signature-v3", "A".repeat(10_000)),
        ),
        (
            401,
            "malformed_signature",
            twenty().with("X-Twenty-Webhook-Signature", "A".repeat(64)),
        ),
        (
            401,
            "missing_timestamp",
            v3().without("X-HubSpot-Request-Timestamp"),
        ),
        (
            401,
            "malformed_timestamp",
            twenty().with("X-Twenty-Webhook-Timestamp", ""),
        ),
        (
            401,
            "malformed_timestamp",
            twenty().with("X-Twenty-Webhook-Timestamp", "1e12"),
        ),
        (
            401,
            "malformed_timestamp",
            twenty().with("X-Twenty-Webhook-Timestamp", "-1"),
        ),
        (
            401,
            "malformed_timestamp",
            twenty().with("X-Twenty-Webhook-Timestamp", "99999999999999"),
        ),
        (
            401,
            "malformed_timestamp",
            twenty().with("X-Twenty-Webhook-Timestamp", "１２３"),
        ),
        (
            401,
            "malformed_timestamp",
            twenty().with("X-Twenty-Webhook-Timestamp", "9".repeat(10_000)),
        ),
        (
            401,
            "timestamp_expired",
            twenty().with("X-Twenty-Webhook-Timestamp", sign::now(-301_000)),
        ),
        (
            401,
            "timestamp_in_future",
            v3().with("X-HubSpot-Request-Timestamp", sign::now(400_000)),
        ),
        (
            401,
            "signature_mismatch",
            v3().with("X-HubSpot-Request-Timestamp", sign::now(-200_000)),
        ),
        (
            401,
            "api_key_mismatch",
            Kind::KeyHeader.request(b"{}").with("X-Api-Key", ""),
        ),
        (
            401,
            "api_key_mismatch",
            Kind::KeyHeader
                .request(b"{}")
                .with("X-Api-Key", &SECRET[1..]),
        ),
        (
            401,
            "api_key_mismatch",
            Request {
                target: "/key-query?api_key".to_owned(),
                ..Kind::KeyQuery.request(b"{}")
            },
        ),
    ];
    for (status, reason, request) in cases {
        if Protocol::current().is_http2() && !http2::can_carry(&request) {
            continue;
        }
        let found = refused(&proxy, &request);
        assert_eq!(
            found,
            (status, reason.to_owned()),
            "{} {}",
            request.method,
            request.target
        );
        proxy.logged("refused", |line| {
            line["reason"] == reason && line["http_status"] == status
        });
    }
    app.assert_nothing_more();
    assert_eq!(
        app.connections(),
        0,
        "a refusal opens no connection to the app"
    );
}

fn a_405_names_the_methods_and_a_route_label_is_there_once_it_is_known() {
    let app = App::start();
    let proxy = start(&app);
    let deleted = Request {
        method: "DELETE".to_owned(),
        ..Kind::V3.request(b"{}")
    };
    let (answer, [route, scheme, ..]) = proxy.judge(&deleted);
    assert_eq!(answer.header("allow"), Some("POST, GET, PUT"));
    assert_eq!((&*route, &*scheme), ("hubspot", "hubspot"));
    let (_, [route, scheme, ..]) = proxy.judge(&Request::new("POST", "/x", ""));
    assert_eq!((&*route, &*scheme), ("none", "none"));
    let (_, [_, scheme, ..]) =
        proxy.judge(&Kind::V2.request(b"{}").with("X-HubSpot-Signature", "x"));
    assert_eq!(scheme, "hubspot-v2");
}

fn all_401s_are_the_same_bytes() {
    let app = App::start();
    let proxy = start(&app);
    let answers: Vec<String> = [
        Kind::V1.request(b"{}").without("X-HubSpot-Signature"),
        Request {
            body: b"x".to_vec(),
            ..Kind::V3.request(b"{}")
        },
        Request {
            body: vec![b'x'; 1 << 20],
            ..Kind::Twenty.request(b"{}")
        }
        .without("X-Twenty-Webhook-Timestamp"),
        Kind::KeyHeader
            .request(b"{}")
            .with("X-Api-Key", "x")
            .header("X-Request-Id", "mine"),
        Kind::Twenty
            .request(b"{}")
            .with("X-Twenty-Webhook-Timestamp", sign::now(-400_000)),
        Kind::V2
            .request(b"forged")
            .framed(Framing::Chunked(1))
            .with("X-HubSpot-Signature", "0".repeat(64)),
    ]
    .iter()
    .map(|request| {
        let answer = proxy.send(request);
        assert_eq!(answer.status, 401);
        answer.head + &String::from_utf8(answer.body).unwrap()
    })
    .collect();
    assert!(
        answers.windows(2).all(|pair| pair[0] == pair[1]),
        "{answers:#?}"
    );
    app.assert_nothing_more();
}
