//! What did not verify never reaches the app, and an attacker learns nothing.

use crate::support::app::App;
use crate::support::client::{Client, Framing, Request};
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind, PUBLIC_URL, SECRET};

fn start(app: &App) -> Proxy {
    Proxy::start(
        "",
        &sign::routes(format_args!("http://{}", app.address), ""),
    )
}

/// Sends a request that must be refused; returns the reason.
fn refused(proxy: &Proxy, request: &Request) -> (u16, String) {
    let (answer, [_, _, verdict, reason]) = proxy.judge(request);
    assert_eq!(verdict, "rejected", "{request:?}");
    (answer.status, reason)
}

#[test]
fn a_change_in_any_signed_part_is_refused() {
    let app = App::start();
    let proxy = start(&app);
    let body = br#"{"a":1}"#;
    for kind in [Kind::V1, Kind::V2, Kind::V3, Kind::Twenty] {
        let good = kind.request(body);
        for index in 0..body.len() {
            for framing in [Framing::Length, Framing::Chunked(3)] {
                let mut forged = good.clone().framed(framing);
                forged.body[index] ^= 1;
                let expected = (401, "signature_mismatch".to_owned());
                assert_eq!(refused(&proxy, &forged), expected, "{kind:?} byte {index}");
            }
        }
        let longer = Request {
            body: [&body[..], b" "].concat(),
            ..good.clone()
        };
        let shorter = Request {
            body: body[1..].to_vec(),
            ..good.clone()
        };
        let empty = Request {
            body: Vec::new(),
            ..good.clone()
        };
        for forged in [longer, shorter, empty] {
            assert_eq!(refused(&proxy, &forged).1, "signature_mismatch", "{kind:?}");
        }
    }
    for kind in [Kind::V2, Kind::V3] {
        let good = kind.request(body);
        let method = Request {
            method: "PUT".to_owned(),
            ..good.clone()
        };
        let query = Request {
            target: "/hubspot?".to_owned(),
            ..good.clone()
        };
        for forged in [method, query] {
            assert_eq!(refused(&proxy, &forged).1, "signature_mismatch", "{kind:?}");
        }
    }
    for (kind, header) in [
        (Kind::V3, "X-HubSpot-Request-Timestamp"),
        (Kind::Twenty, "X-Twenty-Webhook-Timestamp"),
    ] {
        let forged = kind.request(body).with(header, sign::now(1));
        assert_eq!(refused(&proxy, &forged).1, "signature_mismatch", "{kind:?}");
    }
    for (kind, header) in [
        (Kind::V1, "X-HubSpot-Signature"),
        (Kind::V2, "X-HubSpot-Signature"),
        (Kind::Twenty, "X-Twenty-Webhook-Signature"),
    ] {
        let good = kind.request(body);
        let (_, signature) = good
            .headers
            .iter()
            .find(|(name, _)| name == header)
            .unwrap()
            .clone();
        for index in [0, 31, 63] {
            let mut flipped = signature.clone();
            flipped[index] = if flipped[index] == b'0' { b'1' } else { b'0' };
            let forged = good.clone().with(header, flipped);
            assert_eq!(
                refused(&proxy, &forged).1,
                "signature_mismatch",
                "{kind:?} digit {index}"
            );
        }
    }
    app.assert_nothing_more();
}

#[test]
fn every_reason_has_its_status_and_the_first_in_order_counts() {
    let app = App::start();
    let server = "max_body_bytes = \"100KiB\"\nbody_timeout = \"30s\"\n";
    let routes = sign::routes(format_args!("http://{}", app.address), "");
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
        (400, "bad_request", v3().header("Upgrade", "h2c")),
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
            v3().with("X-HubSpot-Request-Timestamp", sign::now(301_000)),
        ),
        (
            401,
            "signature_mismatch",
            v3().with("X-HubSpot-Request-Timestamp", sign::now(-299_000)),
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
        let found = refused(&proxy, &request);
        assert_eq!(
            found,
            (status, reason.to_owned()),
            "{} {}",
            request.method,
            request.target
        );
        proxy.logged("refused", |line| {
            line["reason"] == reason && line["status"] == status
        });
    }
    app.assert_nothing_more();
    assert_eq!(
        app.connections(),
        0,
        "a refusal opens no connection to the app"
    );
}

#[test]
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

#[test]
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

#[test]
fn a_weaker_version_never_decides_beside_v3() {
    let app = App::start();
    let proxy = start(&app);
    let body = b"[]";
    let url = format!("{PUBLIC_URL}/hubspot");
    let old = Request::new("POST", "/hubspot", body).headers(&sign::v1(SECRET, body));
    assert_eq!(
        proxy.send(&old).status,
        200,
        "v1 alone is accepted on this route"
    );
    app.next();
    for v3 in ["", "x", &"A".repeat(43), &format!("{}=", "A".repeat(43))] {
        let spoilt = old
            .clone()
            .header("X-HubSpot-Signature-v3", v3)
            .header("X-HubSpot-Request-Timestamp", sign::now(0));
        assert_eq!(proxy.send(&spoilt).status, 401, "{v3:?}");
    }
    let stale = old
        .clone()
        .headers(&sign::v3(SECRET, "POST", &url, body, &sign::now(-400_000)));
    assert_eq!(
        refused(&proxy, &stale),
        (401, "timestamp_expired".to_owned())
    );
    let both = Request::new("POST", "/hubspot", body)
        .headers(&sign::v1("wrong", body))
        .headers(&sign::v3(SECRET, "POST", &url, body, &sign::now(0)));
    assert_eq!(proxy.send(&both).status, 200);
    assert_eq!(app.next().one("x-hookward-verified"), Some("hubspot-v3"));

    let v3_alone = format!(
        "[[route]]\nname = \"h\"\npath = \"/hubspot\"\nupstream = \"http://{}\"\n\
         public_url = \"{PUBLIC_URL}\"\n[route.verify]\nscheme = \"hubspot\"\nversions = [\"v3\"]\n\
         secrets = [{{ id = \"s\", value = \"{SECRET}\" }}]\n",
        app.address
    );
    let proxy = Proxy::start("", &v3_alone);
    assert_eq!(refused(&proxy, &old).1, "unaccepted_version");
    app.assert_nothing_more();
}

#[test]
fn what_the_app_trusts_cannot_be_sent_from_outside() {
    let app = App::start();
    let proxy = start(&app);
    let request = Kind::Twenty
        .request(b"{}")
        .header("X-Hookward-Verified", "hubspot-v3")
        .header("x-hookward-secret", "fake")
        .header("X_Hookward_Verified", "hubspot-v3")
        .header("X-Hookward_Anything", "fake")
        .header("X-Forwarded-For", "1.2.3.4")
        .header("X_Forwarded_For", "1.2.3.4")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "evil.example")
        .header("Forwarded", "for=1.2.3.4;host=evil.example");
    assert_eq!(proxy.send(&request).status, 200);
    let seen = app.next();
    assert_eq!(seen.one("x-hookward-verified"), Some("twenty"));
    assert_eq!(seen.one("x-hookward-secret"), Some("current"));
    assert_eq!(seen.one("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.one("x-forwarded-host"), Some("proxy.internal"));
    assert_eq!(seen.one("x-forwarded-proto"), Some("http"));
    let text = format!("{:?}", seen.headers).to_lowercase();
    for forged in [
        "fake",
        "evil",
        "1.2.3.4",
        "x_hookward",
        "x_forwarded",
        "hubspot-v3",
    ] {
        assert!(!text.contains(forged), "{forged} got through: {text}");
    }
}

#[test]
fn forged_forwarding_headers_change_no_signed_url() {
    let app = App::start();
    let route = format!(
        "[[route]]\nname = \"h\"\npath = \"/h\"\nupstream = \"http://{}\"\n[route.verify]\n\
         scheme = \"hubspot\"\nversions = [\"v2\"]\n\
         secrets = [{{ id = \"s\", value = \"{SECRET}\" }}]\n",
        app.address
    );
    let server = "trusted_proxies = [\"192.0.2.0/24\"]\npublic_hosts = [\"other.example\", \"proxy.internal\"]\n";
    let proxy = Proxy::start(server, &route);
    let forged = Request::new("POST", "/h", "{}")
        .headers(&sign::v2(SECRET, "POST", "https://other.example/h", b"{}"))
        .header("X-Forwarded-Host", "other.example")
        .header("X-Forwarded-Proto", "https");
    assert_eq!(
        refused(&proxy, &forged),
        (401, "signature_mismatch".to_owned())
    );
    let line = proxy.logged("refused", |_| true);
    assert_eq!(line["signed_origin"], "http://proxy.internal");
    app.assert_nothing_more();
}

#[test]
fn raw_requests_with_two_readings_never_reach_the_app() {
    let app = App::start();
    let proxy = start(&app);
    let good = String::from_utf8(Kind::Twenty.request(b"{}").bytes()).unwrap();
    let (line, rest) = good.split_once("\r\n").unwrap();
    let insert = |field: &str| format!("{line}\r\n{field}\r\n{rest}");
    let raw = [
        insert("Content-Length: 2"),
        insert("Transfer-Encoding: chunked"),
        insert("Content-Length : 2"),
        insert(" folded: x"),
        insert("X: a\r\n folded"),
        insert("Host: other"),
        insert("X: a\nY: b"),
        insert("X: a\rb"),
        insert("X: \0"),
        insert("nocolon"),
        insert("Connection: X-Twenty-Webhook-Signature"),
        insert("Connection: x-hookward-verified"),
        good.replace("Content-Length: 2", "Content-Length: +2"),
        good.replace("Content-Length: 2", "Content-Length: 2, 2"),
        good.replace("Content-Length: 2", "Content-Length: 02"),
        good.replace("Content-Length: 2", "Transfer-Encoding: gzip, chunked"),
        good.replace("Content-Length: 2", "Transfer-Encoding: chunked, identity"),
        good.replace("Host: proxy.internal\r\n", ""),
        good.replace("Host: proxy.internal", "Host: a, b"),
        good.replace("\r\n", "\n"),
        good.replace(" HTTP/1.1", "  HTTP/1.1"),
        good.replace(" HTTP/1.1", " HTTP/1.2"),
        good.replace("POST /twenty", "POST http://proxy.internal/twenty"),
        good.replace("POST /twenty", "POST /twenty x"),
        good.replace("POST /twenty", "CONNECT proxy.internal:80"),
        good.replace("POST /twenty", "OPTIONS *"),
        good.replace("POST", "PO(ST"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ];
    let series = "hookward_verdicts_total{reason=\"bad_request\",route=\"none\",scheme=\"none\",verdict=\"rejected\"}";
    for (index, raw) in (1_u32..).zip(&raw) {
        let mut client = Client::connect(proxy.address);
        client.send_what_is_taken(raw.as_bytes());
        let answer = client.answer("POST");
        assert_eq!(answer.status, 400, "{raw:?}");
        assert!(client.is_closed(), "{raw:?}");
        assert_eq!(proxy.metric(series), f64::from(index), "{raw:?}");
    }
    app.assert_nothing_more();
    assert_eq!(app.connections(), 0);
    let line = proxy.logged("refused", |line| line["detail"] == "Host is repeated");
    assert_eq!(
        (&line["method"], &line["path"]),
        (&"POST".into(), &"/twenty".into())
    );
    assert_eq!(line["client"], "127.0.0.1");
    assert_eq!(line["request_id"].as_str().unwrap().len(), 32);
}

#[test]
fn a_body_that_cannot_be_read_ends_its_connection() {
    let app = App::start();
    let proxy = start(&app);
    let head = Kind::Twenty
        .request(b"{}")
        .framed(Framing::Chunked(1))
        .head_bytes();
    let follower = Kind::Twenty.request(b"{}").bytes();
    for chunks in [
        "zz\r\n",
        "2\r\n{}XX",
        "+2\r\n{}\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n",
    ] {
        let mut client = Client::connect(proxy.address);
        client.send_what_is_taken(&[&head, chunks.as_bytes(), &follower].concat());
        assert_eq!(client.answer("POST").status, 400, "{chunks:?}");
        assert!(client.is_closed(), "{chunks:?}");
    }
    app.assert_nothing_more();
}

#[test]
fn a_fragment_is_refused_and_not_cut_off() {
    let app = App::start();
    let proxy = start(&app);
    for target in ["/hubspot#x", "/hubspot?a#b", "/hubspot#/../x"] {
        let request = Request {
            target: target.to_owned(),
            ..Kind::V1.request(b"{}")
        };
        assert_eq!(
            refused(&proxy, &request),
            (400, "bad_target".to_owned()),
            "{target}"
        );
    }
    app.assert_nothing_more();
}

#[test]
fn what_follows_a_request_is_judged_for_itself() {
    let app = App::start();
    let proxy = start(&app);
    let smuggled = b"POST /twenty HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(smuggled).bytes());
    assert_eq!(client.answer("POST").status, 200);
    assert_eq!(
        app.next().body,
        smuggled,
        "a request inside a verified body is body"
    );
    client.send(&[&Kind::Twenty.request(b"{}").bytes()[..], smuggled].concat());
    assert_eq!(client.answer("POST").status, 200);
    app.next();
    assert_eq!(
        client.answer("POST").status,
        401,
        "after it, it is a request of its own"
    );
    app.assert_nothing_more();
}

#[test]
fn nothing_secret_is_logged_counted_or_answered() {
    let app = App::start();
    let proxy = start(&app);
    let body = b"{\"private\":\"the-body-text\"}";
    let queried = Request {
        target: format!("/key-query?api_key={SECRET}&person=query-text"),
        ..Kind::KeyQuery.request(body)
    };
    let wrong_key = Request {
        target: "/key-query?api_key=wrong-key-text&person=query-text".to_owned(),
        ..Kind::KeyQuery.request(body)
    };
    let forged = Request {
        target: "/hubspot?person=query-text".to_owned(),
        ..Kind::V3.request(body)
    };
    let mut answers = Vec::new();
    for kind in Kind::ALL {
        answers.push(proxy.send(&kind.request(body)));
        app.next();
    }
    for request in [&queried, &wrong_key, &forged] {
        answers.push(proxy.send(request));
    }
    let broken = Client::connect(proxy.address);
    drop(broken);
    let line = proxy.logged("refused", |line| line["reason"] == "signature_mismatch");
    assert_eq!(line["path"], "/hubspot");
    assert_eq!(line["signed_origin"], PUBLIC_URL);
    assert_eq!(line["query_bytes"], 17);
    assert_eq!(line["body_bytes"], body.len());
    assert_eq!(line["secrets_tried"], "old,current");
    assert_eq!(
        (&line["method"], &line["client"]),
        (&"POST".into(), &"127.0.0.1".into())
    );
    assert!(line["request_id"].as_str().unwrap().len() == 32 && line["timestamp"].is_string());
    let url = format!("{PUBLIC_URL}/hubspot?person=query-text");
    let timestamp = forged
        .headers
        .iter()
        .find(|(name, _)| name.contains("Timestamp"))
        .unwrap();
    let timestamp = String::from_utf8(timestamp.1.clone()).unwrap();
    let expected = sign::v3(SECRET, "POST", &url, body, &timestamp)[1]
        .1
        .clone();
    let everything = proxy.log().join("\n") + &proxy.metrics() + &format!("{answers:?}");
    let received = forged
        .headers
        .iter()
        .find(|(name, _)| name.contains("Signature"))
        .unwrap();
    let received = String::from_utf8(received.1.clone()).unwrap();
    for secret in [
        SECRET,
        "an older secret",
        "the-body-text",
        "query-text",
        "wrong-key-text",
        &expected,
        &received,
    ] {
        assert!(!everything.contains(secret), "{secret} was written");
    }
}
