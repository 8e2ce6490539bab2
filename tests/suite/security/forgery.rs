//! A forged request never verifies.

use super::{refused, start};
use crate::support::app::App;
use crate::support::client::{Framing, Request};
use crate::support::protocol::over_each_protocol;
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{self, Kind, PUBLIC_URL, SECRET};

over_each_protocol!(
    a_change_in_any_signed_part_is_refused,
    a_weaker_version_never_decides_beside_v3,
);

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

    let secrets = secrets(&[("s", SECRET)]);
    let verify = format!("scheme = \"hubspot\"\nversions = [\"v3\"]\n{secrets}");
    let public_url = format!("public_url = \"{PUBLIC_URL}\"");
    let v3_alone = route("h", "/hubspot", app.url(), &public_url, &verify);
    let proxy = Proxy::start("", &v3_alone);
    assert_eq!(refused(&proxy, &old).1, "unaccepted_version");
    app.assert_nothing_more();
}
