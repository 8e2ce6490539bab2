//! What the app or the verifier trusts cannot be sent from outside, and nothing secret gets out.

use super::{refused, start};
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::proxy::{Proxy, command, file};
use crate::support::route::{route, secrets};
use crate::support::sign::{self, Kind, PUBLIC_URL, SECRET};

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
fn a_name_that_a_gateway_would_take_for_another_does_not_go_on() {
    let app = App::start();
    let proxy = start(&app);
    for kind in Kind::ALL {
        let request = [
            "X.Hookward.Verified",
            "X-Hookward~Secret",
            "X-Forwarded.For",
            "X_Forwarded-Host",
            "Transfer_Encoding",
            "Transfer.Encoding",
            "Content_Length",
            "Content^Length",
            "X_Request_Id",
            "X.Request-Id",
            "Keep_Alive",
        ]
        .iter()
        .fold(kind.request(b"{}"), |request, name| {
            request.header(name, "forged")
        });
        let request = match kind {
            Kind::V1 | Kind::V2 | Kind::V3 => request
                .header("X_HubSpot_Signature", "forged")
                .header("X-HubSpot-Signature.v3", "forged")
                .header("X_HubSpot_Request_Timestamp", "forged"),
            Kind::Twenty => request
                .header("X_Twenty_Webhook_Signature", "forged")
                .header("X.Twenty.Webhook.Nonce", "forged"),
            Kind::KeyHeader => request.header("X_Api_Key", "forged"),
            Kind::KeyQuery => request,
        };
        assert_eq!(proxy.send(&request).status, 200, "{kind:?}");
        let seen = app.next();
        let text = format!("{:?}", seen.headers);
        assert!(!text.contains("forged"), "{kind:?}: {text}");
        for (name, value) in request
            .headers
            .iter()
            .filter(|(_, value)| value != b"forged")
        {
            let is_stripped = name == "X-Api-Key";
            let value = String::from_utf8(value.clone()).unwrap();
            let expected = (!is_stripped).then_some(&*value);
            assert_eq!(seen.one(name), expected, "{kind:?}: {name} goes on");
        }
    }
    app.assert_nothing_more();
}

#[test]
fn an_element_of_forwarded_counts_whatever_it_says() {
    let app = App::start();
    let secrets = secrets(&[("s", SECRET)]);
    let verify = format!("scheme = \"hubspot\"\nversions = [\"v2\"]\n{secrets}");
    let route = route("h", "/h", app.url(), "", &verify);
    let server = "trusted_proxies = [\"127.0.0.0/8\"]\nforwarding = \"forwarded\"\n\
                  public_hosts = [\"other.example\", \"proxy.internal\"]\n";
    let proxy = Proxy::start(server, &route);
    let signed = |url: &str, forwarded: &str| {
        Request::new("POST", "/h", "{}")
            .headers(&sign::v2(SECRET, "POST", url, b"{}"))
            .header("Forwarded", forwarded)
    };
    // The proxy says nothing of host and scheme, so that what the sender says of them is not believed.
    for by_the_proxy in ["by=_proxy", "secret=x;by=_proxy", ";"] {
        let forwarded = format!("host=other.example;proto=https, {by_the_proxy}");
        let believed = signed("https://other.example/h", &forwarded);
        assert_eq!(
            refused(&proxy, &believed),
            (401, "signature_mismatch".to_owned()),
            "{by_the_proxy}"
        );
        let request = signed("http://proxy.internal/h", &forwarded);
        assert_eq!(proxy.send(&request).status, 200, "{by_the_proxy}");
        app.next();
    }
    for malformed in [
        "host=other.example;host=proxy.internal;proto=https",
        "host=\"other.example\"x;proto=https",
        "host=other .example;proto=https",
        "host=\"other.example;proto=https",
    ] {
        let request = signed("https://other.example/h", malformed);
        assert_eq!(
            refused(&proxy, &request),
            (400, "bad_target".to_owned()),
            "{malformed}"
        );
    }
    app.assert_nothing_more();
}

#[test]
fn forged_forwarding_headers_change_no_signed_url() {
    let app = App::start();
    let secrets = secrets(&[("s", SECRET)]);
    let verify = format!("scheme = \"hubspot\"\nversions = [\"v2\"]\n{secrets}");
    let route = route("h", "/h", app.url(), "", &verify);
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
    let fragment = Request {
        target: "/key-query#api_key=query-text".to_owned(),
        ..Kind::KeyQuery.request(body)
    };
    let mut answers = Vec::new();
    for kind in Kind::ALL {
        answers.push(proxy.send(&kind.request(body)));
        app.next();
    }
    for request in [&queried, &wrong_key, &forged, &fragment] {
        answers.push(proxy.send(request));
    }
    let broken = Client::connect(proxy.address);
    drop(broken);
    let line = proxy.logged("refused", |line| line["reason"] == "bad_target");
    assert_eq!(line["path"], "/key-query");
    assert_eq!(line["route"], "key-query");
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

#[test]
fn send_prints_no_password_of_a_url() {
    let (_guard, secret) = file("secret", SECRET);
    let secret = secret.to_str().unwrap();
    let url = "http://user:the-password@127.0.0.1:1/hubspot?person=query-text";
    for more in [&[][..], &["--to", "http://user:the-password@127.0.0.1:1/"]] {
        let given = [
            "send",
            "--scheme",
            "hubspot-v3",
            "--secret-file",
            secret,
            "--url",
            url,
        ];
        let (code, out, error) = command(&[&given, more].concat());
        assert_eq!(code, 1);
        let said = out + &error;
        assert!(said.contains("http://127.0.0.1:1"), "{said}");
        for hidden in ["the-password", "query-text", SECRET] {
            assert!(!said.contains(hidden), "{said}");
        }
    }
}
