//! The commands do what they say.

use std::process::Command;

use crate::support::app::App;
use crate::support::proxy::{BINARY, Proxy, command, file};
use crate::support::sign::{self, SECRET};

#[test]
fn the_demo_shows_every_scheme_and_exits_0() {
    let (code, out, error) = command(&["demo"]);
    assert_eq!(code, 0, "{out}\n{error}");
    for shown in [
        "hubspot-v1",
        "hubspot-v2",
        "hubspot-v3",
        "twenty",
        "api-key",
        "signature_mismatch",
    ] {
        assert!(out.contains(shown), "{shown} is not in\n{out}");
    }
    assert!(
        out.contains("0 wrong verdicts") && !out.contains("WRONG"),
        "{out}"
    );
    assert!(out.contains("hookward_verdicts_total{"), "{out}");
}

#[test]
fn wrong_usage_exits_2() {
    for arguments in [
        &["no-such-command"][..],
        &["run"],
        &["check", "--config", "/does/not/exist.toml"],
        &["run", "--config", "/does/not/exist.toml"],
        &[
            "sign",
            "--scheme",
            "hubspot-v9",
            "--secret-file",
            "x",
            "--url",
            "https://a",
        ],
        &[
            "sign",
            "--scheme",
            "twenty",
            "--secret-file",
            "/does/not/exist",
            "--url",
            "https://a",
        ],
    ] {
        let (code, _, error) = command(arguments);
        assert_eq!(code, 2, "{arguments:?}");
        assert!(!error.is_empty());
    }
}

#[test]
fn sign_prints_the_headers_that_openssl_would() {
    let (_secret, secret) = file("secret", format!("{SECRET}\n"));
    let (_body, body) = file("body", r#"{"a":"ž"}"#);
    let url = "https://hooks.example.com/in?x=%40";
    let sign = |scheme: &str| {
        let (code, out, error) = command(&[
            "sign",
            "--scheme",
            scheme,
            "--secret-file",
            secret.to_str().unwrap(),
            "--method",
            "POST",
            "--url",
            url,
            "--body",
            body.to_str().unwrap(),
            "--timestamp",
            "1760000000000",
        ]);
        assert_eq!((code, &*error), (0, ""));
        out
    };
    let openssl = |message: &str, arguments: &[&str]| {
        let (_guard, path) = file("message", message);
        let output = Command::new("openssl")
            .args(["dgst", "-sha256", "-binary"])
            .args(arguments)
            .arg(path)
            .output();
        output
            .ok()
            .filter(|output| output.status.success())
            .map(|output| output.stdout)
    };
    let hmac = ["-hmac", SECRET];
    let body = r#"{"a":"ž"}"#;
    if let Some(tag) = openssl(&format!("1760000000000:{body}"), &hmac) {
        let out = sign("twenty");
        assert!(
            out.contains(&format!(
                "X-Twenty-Webhook-Signature: {}\n",
                hex::encode(tag)
            )),
            "{out}"
        );
    }
    if let Some(tag) = openssl(&format!("{SECRET}POST{url}{body}"), &[]) {
        let out = sign("hubspot-v2");
        assert!(
            out.contains(&format!("X-HubSpot-Signature: {}\n", hex::encode(tag))),
            "{out}"
        );
        assert!(out.contains("X-HubSpot-Signature-Version: v2\n"));
    }
    let expected = sign::v3(
        SECRET,
        "POST",
        "https://hooks.example.com/in?x=@",
        body.as_bytes(),
        "1760000000000",
    );
    let lines: String = expected
        .iter()
        .rev()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    assert_eq!(sign("hubspot-v3"), lines);
    let typed = command(&[
        "sign",
        "--scheme",
        "twenty",
        "--secret-file",
        secret.to_str().unwrap(),
        "--url",
        url,
        "--timestamp",
        "-1x",
    ]);
    assert!(
        typed.1.contains("X-Twenty-Webhook-Timestamp: -1x\n"),
        "signed as typed"
    );
}

#[test]
fn send_sends_what_sign_signs() {
    let app = App::start();
    let proxy = Proxy::start("", &sign::routes(app.url(), ""));
    let (_secret, secret) = file("secret", SECRET);
    let (_body, body) = file("body", vec![b'x'; 100_000]);
    let send = |scheme: &str, method: &str, url: &str, to: &str, body: Option<&str>| {
        let mut arguments = vec![
            "send",
            "--scheme",
            scheme,
            "--secret-file",
            secret.to_str().unwrap(),
            "--method",
            method,
            "--url",
            url,
            "--to",
            to,
        ];
        arguments.extend(body.iter().flat_map(|body| ["--body", body]));
        let (code, out, _) = command(&arguments);
        (code, out)
    };
    let to = format!("http://{}", proxy.address);
    let body = body.to_str().unwrap();
    for scheme in ["hubspot-v1", "hubspot-v2", "hubspot-v3", "twenty"] {
        let path = if scheme == "twenty" {
            "/twenty"
        } else {
            "/hubspot?a=%40&b"
        };
        let url = format!("https://hooks.example.com{path}");
        assert_eq!(
            send(scheme, "POST", &url, &to, Some(body)),
            (0, "200 OK\nok\n".to_owned()),
            "{scheme}"
        );
        let seen = app.next();
        assert_eq!((&*seen.target, seen.body.len()), (path, 100_000));
        assert_eq!(seen.one("x-hookward-verified"), Some(scheme));
    }
    let url = "https://hooks.example.com/hubspot";
    assert_eq!(send("hubspot-v3", "GET", url, &to, None).0, 0);
    assert_eq!(app.next().method, "GET");
    let elsewhere = format!("{to}/hubspot?changed");
    let (code, out) = send("hubspot-v3", "POST", url, &elsewhere, Some(body));
    assert_eq!((code, &*out), (1, "401 Unauthorized\n\n"));
    let (code, _) = send("hubspot-v3", "POST", url, "http://127.0.0.1:1/", None);
    assert_eq!(code, 1);
    app.assert_nothing_more();
}

#[test]
fn text_logs_are_lines_for_people() {
    let (_guard, path) = file(
        "hookward.toml",
        format!(
            "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [log]\nformat = \"text\"\n{}",
            sign::routes("http://127.0.0.1:1", "enforce = false")
        ),
    );
    let mut child = Command::new(BINARY)
        .args(["run", "--config", path.to_str().unwrap()])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut lines = std::io::BufRead::lines(stderr).map_while(Result::ok);
    let warned = lines.any(|line| line.contains("WARN") && line.contains("enforce"));
    let listens = lines.any(|line| line.contains("listening") && line.contains("127.0.0.1:"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(warned && listens);
}
