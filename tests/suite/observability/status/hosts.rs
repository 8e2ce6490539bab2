//! A web page of somebody else's cannot read the status: only a `Host` that is ours is answered.

use super::ask;
use crate::support::app::App;
use crate::support::client::{Answer, Client, Request, exchange};
use crate::support::proxy::Proxy;
use crate::support::sign;

fn start() -> Proxy {
    let app = App::start();
    Proxy::start("", &sign::routes(app.url(), ""))
}

/// Asks by a name.
fn by(proxy: &Proxy, target: &str, host: &str) -> Answer {
    exchange(
        proxy.admin,
        &Request::new("GET", target, "").header("Host", host),
    )
}

#[test]
fn addresses_and_names_without_a_dot_are_answered() {
    let proxy = start();
    for target in ["/", "/status.json"] {
        for host in [
            "127.0.0.1",
            &proxy.admin.to_string(),
            "[::1]:9464",
            "localhost",
            "hookward:9464",
        ] {
            assert_eq!(by(&proxy, target, host).status, 200, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9464",
            "127.0.0.1.evil.example",
            "localhost.",
            "evil%2eexample",
        ] {
            let answer = by(&proxy, target, host);
            assert_eq!(answer.status, 421, "{host}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let text = String::from_utf8(answer.body).unwrap();
            assert!(text.contains("hosts"), "what to do: {text}");
            assert!(!text.contains("evil"), "{text}");
        }
        for host in [
            "",
            "[evil.example]",
            "127.0.0.1:x",
            "a b",
            "127.0.0.1,evil.example",
        ] {
            let status = by(&proxy, target, host).status;
            assert!(matches!(status, 400 | 421), "{host}: {status}");
        }
        let twice = Request::new("GET", target, "");
        let twice = twice
            .header("Host", "localhost")
            .header("Host", "evil.example");
        assert_eq!(exchange(proxy.admin, &twice).status, 400);
        let mut client = Client::connect(proxy.admin);
        client.send(format!("GET {target} HTTP/1.1\r\n\r\n").as_bytes());
        let without = client.try_answer("GET").map(|answer| answer.status);
        assert!(matches!(without, None | Some(400 | 421)), "{without:?}");
        let mut client = Client::connect(proxy.admin);
        let absolute =
            format!("GET http://evil.example{target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.send(absolute.as_bytes());
        let status = client.answer("GET").status;
        assert!(matches!(status, 400 | 421), "{status}");
    }
}

#[test]
fn other_paths_are_answered_whoever_asks() {
    let proxy = start();
    for (target, status) in [
        ("/metrics", 200),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/elsewhere", 404),
        ("/status.json/", 404),
        ("/status", 404),
    ] {
        assert_eq!(
            by(&proxy, target, "evil.example").status,
            status,
            "{target}"
        );
    }
    assert_eq!(ask(&proxy, "POST", "/status.json").status, 405);
    let full = ask(&proxy, "GET", "/status.json?a=b");
    assert_eq!(full.status, 200);
    for target in ["/", "/status.json", "/healthz"] {
        let head = ask(&proxy, "HEAD", target);
        assert_eq!((head.status, head.body.len()), (200, 0), "{target}");
        let length = head.header("content-length").unwrap();
        assert!(length.parse::<u64>().unwrap() > 0, "{target}");
    }
}

#[test]
fn names_that_the_operator_lists_are_answered_from_the_next_reload_on() {
    let proxy = start();
    let host = "hookward.example.com";
    assert_eq!(by(&proxy, "/status.json", host).status, 421);
    let file = proxy.config_file();
    let before = std::fs::read_to_string(&file).unwrap();
    let list = |hosts: &str| {
        let after = before.replacen("[admin]\n", &format!("[admin]\nhosts = {hosts}\n"), 1);
        assert_ne!(before, after);
        std::fs::write(&file, after).unwrap();
        proxy.reload()
    };
    assert!(list("[\"Hookward.Example.com\", \"other.example\"]"));
    for host in [
        host,
        "HOOKWARD.example.com:9464",
        "other.example",
        "localhost",
    ] {
        assert_eq!(by(&proxy, "/status.json", host).status, 200, "{host}");
    }
    for host in ["x.hookward.example.com", "evil.example"] {
        assert_eq!(by(&proxy, "/status.json", host).status, 421, "{host}");
    }
    assert!(
        !list("[\"other.example:9464\"]"),
        "a port is none of a name's"
    );
    assert_eq!(by(&proxy, "/status.json", host).status, 200);
    assert!(list("[]"));
    assert_eq!(by(&proxy, "/status.json", host).status, 421);
}
