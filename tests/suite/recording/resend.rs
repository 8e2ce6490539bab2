//! A captured request is signed anew and sent, and the app gets what it would have got.

use std::path::Path;

use super::{KEPT, files, forgery, start, table, wait_for};
use crate::support::app::App;
use crate::support::client::Request;
use crate::support::proxy::{Proxy, command, file};
use crate::support::route::{route, secrets};
use crate::support::sign::{self, Kind, SECRET};

/// Runs `resend`: exit code, standard output, standard error.
fn resend(capture: &Path, config: &str, more: &[&str]) -> (i32, String, String) {
    let capture = capture.to_str().unwrap();
    let arguments = ["resend", capture, "--config", config];
    command(&[&arguments[..], more].concat())
}

/// With a signature or a key that is wrong.
fn spoilt(kind: Kind, body: &[u8]) -> Request {
    let request = kind
        .request(body)
        .header("X-Custom", "kept")
        .header("Content-Type", "text/odd");
    let target = request.target.replace(SECRET, "a+wrong+key");
    let target = if target.contains('?') {
        target + "&b=%2F"
    } else {
        target + "?b=%2F"
    };
    let headers = request.headers.into_iter().map(|(name, value)| {
        let value = match &*name {
            "X-Api-Key" => b"a wrong key".to_vec(),
            "X-Twenty-Webhook-Signature" => vec![b'a'; 64],
            "X-HubSpot-Signature" => vec![b'0'; 64],
            "X-HubSpot-Signature-v3" => [&[b'A'; 43][..], b"="].concat(),
            _ => value,
        };
        (name, value)
    });
    Request {
        target,
        headers: headers.collect(),
        ..request
    }
}

#[test]
fn what_was_recorded_is_accepted_when_it_is_sent_again() {
    let (app, proxy, _guard, directory) = start("");
    let to = format!("http://{}", proxy.address);
    let body = b"{\"a\":\"\xff\x00\r\n\"}\n";
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        // A wrong key is refused by the head alone, so that no body is read.
        let (method, body) = match kind {
            Kind::KeyHeader | Kind::KeyQuery => ("GET", &b""[..]),
            _ => ("POST", &body[..]),
        };
        let spoilt = Request {
            method: method.to_owned(),
            ..spoilt(kind, body)
        };
        assert_eq!(proxy.send(&spoilt).status, 401);
        wait_for(&proxy, KEPT, u32::try_from(index).unwrap() + 1);
        let capture = files(&directory).pop().unwrap();
        let (code, out, error) = resend(&capture, &proxy.config_file(), &["--to", &to]);
        assert_eq!((code, &*out), (0, "200 OK\nok\n"), "{kind:?}: {error}");
        let seen = app.next();
        assert_eq!((&*seen.method, &*seen.body), (method, body));
        let expected = format!("{}?b=%2F", kind.path());
        assert_eq!(seen.target, expected, "the key is stripped");
        let scheme = match kind {
            // The strongest version that the route accepts.
            Kind::V1 | Kind::V2 => "hubspot-v3",
            kind => kind.label(),
        };
        assert_eq!(seen.one("x-hookward-verified"), Some(scheme));
        assert_eq!(
            seen.one("x-hookward-secret"),
            Some("old"),
            "the first secret"
        );
        assert_eq!(seen.one("x-custom"), Some("kept"));
        assert_eq!(seen.one("content-type"), Some("text/odd"));
        for ours in ["x-hookward-recorded-at", "x-hookward-reason"] {
            assert_eq!(seen.one(ours), None);
        }
    }
    app.assert_nothing_more();
}

#[test]
fn without_to_it_goes_to_the_public_url_and_is_signed_for_it() {
    let app = App::start();
    let public = app.url();
    let routes = |keys: &str| {
        let verify = format!(
            "scheme = \"hubspot\"\nversions = [\"v3\"]\n{}",
            secrets(&[("s", SECRET)])
        );
        let listen = "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n";
        listen.to_owned() + &route("in", "/in/*", "http://127.0.0.1:1", keys, &verify)
    };
    let (_request, capture) = file(
        "capture",
        "PUT /in/a%40b?x=1&y HTTP/1.1\nHost: inner\nX-Custom: kept\n\n{}",
    );
    for (path, called) in [("", "/in/a%40b?x=1&y"), ("/hooks/", "/hooks/a%40b?x=1&y")] {
        let (_config, config) = file(
            "hookward.toml",
            routes(&format!("public_url = \"{public}{path}\"")),
        );
        let (code, out, error) = resend(&capture, config.to_str().unwrap(), &[]);
        assert_eq!((code, &*out), (0, "200 OK\nok\n"), "{error}");
        let seen = app.next();
        assert_eq!(
            (&*seen.method, &*seen.target, &*seen.body),
            ("PUT", called, &b"{}"[..])
        );
        assert_eq!(seen.one("host"), public.strip_prefix("http://"));
        let timestamp = seen.one("x-hubspot-request-timestamp").unwrap();
        // HubSpot signs `@` for `%40`.
        let url = format!("{public}{}", called.replace("%40", "@"));
        let expected = sign::v3(SECRET, "PUT", &url, b"{}", timestamp);
        assert_eq!(seen.one("x-hubspot-signature-v3"), Some(&*expected[1].1));
    }
}

#[test]
fn a_route_that_takes_its_url_from_the_request_gets_it() {
    let app = App::start();
    let verify = format!(
        "scheme = \"hubspot\"\nversions = [\"v2\"]\n{}",
        secrets(&[("s", SECRET)])
    );
    let routes = route("in", "/in", app.url(), "", &verify);
    let server = "trusted_proxies = [\"127.0.0.1\"]\npublic_hosts = [\"a.example\", \"b.example\"]";
    let proxy = Proxy::start(server, &routes);
    let to = format!("http://{}", proxy.address);
    for head in [
        "Host: a.example\r\n",
        "Host: inner\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b.example\r\n",
    ] {
        let (_guard, capture) = file("capture", format!("POST /in?a HTTP/1.1\r\n{head}\r\n{{}}"));
        let (code, out, error) = resend(&capture, &proxy.config_file(), &["--to", &to]);
        assert_eq!((code, &*out), (0, "200 OK\nok\n"), "{error}");
        assert_eq!(app.next().one("x-hookward-verified"), Some("hubspot-v2"));
    }
}

#[test]
fn no_header_is_added_to_what_was_captured() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ""));
    let to = format!("http://{}", proxy.address);
    let (_guard, capture) = file("capture", "POST /twenty HTTP/1.1\r\nHost: a\r\n\r\n{}");
    let (code, _, error) = resend(&capture, &proxy.config_file(), &["--to", &to]);
    assert_eq!(code, 0, "{error}");
    let seen = app.next();
    assert_eq!(&*seen.body, b"{}");
    for name in ["content-type", "user-agent", "accept", "accept-encoding"] {
        assert_eq!(seen.one(name), None, "{name}");
    }
}

#[test]
fn what_cannot_be_sent_as_it_was_is_refused() {
    let guard = tempfile::tempdir().unwrap();
    let config = "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n"
        .to_owned()
        + &sign::routes("http://127.0.0.1:1", "")
        + &table(guard.path(), "");
    let (_config, config) = file("hookward.toml", config);
    let config = config.to_str().unwrap();
    let to = ["--to", "http://127.0.0.1:1"];
    for (capture, said) in [
        ("POST /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", "/nowhere"),
        (
            "POST /twenty HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{}",
            "9 bytes it has 2",
        ),
        (
            "POST /twenty HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
             X-Hookward-Recorded-At: 1795289460579\r\n\r\n{}",
            "not whole",
        ),
        (
            "POST /twenty HTTP/1.1\r\nHost: a\r\nX-Api-Key: ***\r\n\r\n",
            "X-Api-Key",
        ),
        (
            "POST /twenty?api_key=*** HTTP/1.1\r\nHost: a\r\n\r\n",
            "the query",
        ),
        (
            "POST /key-header HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ***\r\n\r\n",
            "Authorization",
        ),
        (
            "POST /key-query?a=< HTTP/1.1\r\nHost: a\r\n\r\n",
            "its target",
        ),
        ("this is no request", "capture"),
    ] {
        let (_capture, file) = file("capture", capture);
        let (code, out, error) = resend(&file, config, &to);
        assert_eq!((code, &*out), (2, ""), "{capture}: {error}");
        assert!(
            error.contains(said) && !error.contains(SECRET) && !error.contains("--url"),
            "{capture}: {error}"
        );
    }
    let (_capture, sound) = file("capture", forgery("{}").bytes());
    let (code, _, error) = resend(&sound, "/does/not/exist.toml", &to);
    assert!(
        code == 2 && error.contains("/does/not/exist.toml"),
        "{error}"
    );
    let (_broken, broken) = file("hookward.toml", "[server]\n");
    assert_eq!(resend(&sound, broken.to_str().unwrap(), &to).0, 2);
    assert_eq!(resend(Path::new("/does/not/exist"), config, &to).0, 2);
    // Nobody listens there: it ran, and failed.
    assert_eq!(resend(&sound, config, &to).0, 1);
}
