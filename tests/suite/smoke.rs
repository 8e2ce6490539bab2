//! The commands and the examples do what they say.

use std::process::Command;

use crate::support::app::App;
use crate::support::proxy::{BINARY, Proxy, command, file, project};
use crate::support::sign::{self, Kind, SECRET};

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

/// Every `toml` example in the documentation, and every file in `conf/`.
fn examples() -> Vec<(String, String)> {
    let mut examples = Vec::new();
    for folder in ["conf", "docs", "."] {
        for entry in std::fs::read_dir(project(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            let is = |ending: &str| path.extension().is_some_and(|found| found == ending);
            if is("toml") && folder == "conf" {
                examples.push((name, std::fs::read_to_string(&path).unwrap()));
            } else if is("md") {
                let text = std::fs::read_to_string(&path).unwrap();
                let blocks = text.split("```toml\n").skip(1);
                let blocks = blocks.map(|block| block.split("```").next().unwrap().to_owned());
                examples.extend(blocks.map(|block| (name.clone(), block)));
            }
        }
    }
    examples
}

#[test]
fn every_example_configuration_is_valid() {
    let examples = examples();
    assert!(examples.len() >= 4, "{}", examples.len());
    for (name, text) in examples {
        let (_guard, path) = file("hookward.toml", text);
        let (code, out, _) = command(&[
            "check",
            "--skip-secrets",
            "--config",
            path.to_str().unwrap(),
        ]);
        assert_eq!(code, 0, "{name}: {out}");
    }
}

#[test]
fn the_annotated_configuration_says_the_defaults() {
    let annotated = std::fs::read_to_string(project("conf/hookward.toml")).unwrap();
    let read = |text: &str| {
        let loaded = hookward::config::read("x", text, hookward::config::Secrets::Skip);
        loaded
            .config
            .unwrap_or_else(|| panic!("{:?}", loaded.findings))
    };
    let annotated = read(&annotated);
    let minimal = read(
        "[server]\nlisten = [\"0.0.0.0:8080\"]\n[admin]\nlisten = \"127.0.0.1:9464\"\n\
         [[route]]\nname = \"hubspot-crm\"\npath = \"/hubspot\"\nupstream = \"http://127.0.0.1:3000\"\n\
         public_url = \"https://hooks.example.com\"\n[route.verify]\nscheme = \"hubspot\"\n\
         versions = [\"v3\"]\nsecrets = [{ id = \"2026-11\", file = \"/run/secrets/hubspot\" }]\n",
    );
    assert_eq!(
        format!("{:?}", annotated.server),
        format!("{:?}", minimal.server)
    );
    assert_eq!(format!("{:?}", annotated.log), format!("{:?}", minimal.log));
    assert_eq!(
        format!("{:?}", annotated.routes[0]),
        format!("{:?}", minimal.routes[0])
    );
}

const BROKEN: &str = r#"[server]
listen = "127.0.0.1:8080"
max_conections = 5
header_timeout = "10"
body_timeout = 5
[admin]
listen = "localhost:1"
[log]
level = "verbose"
[replay]
store = "memory"
[[route]]
name = "Bad Name"
path = "hubspot/*"
upstream = "http://127.0.0.1:3000/app"
methods = []
[route.verify]
scheme = "hubspott"
secrets = [{ id = "a", value = "" }]
[[route]]
name = "same"
path = "/same"
upstream = "tcp://x"
public_url = "https://a.example/?q"
[route.verify]
scheme = "twenty"
header = "X"
replay = true
secrets = [{ id = "a", file = "/does/not/exist" }, { id = "a", env = "HOOKWARD_NOT_SET" }, { value = "x" }]
[[route]]
name = "same"
path = "/same"
upstream = "http://127.0.0.1:1"
[[route]]
name = "bare"
path = "/bare"
upstream = "http://127.0.0.1:1"
[route.verify]
scheme = "hubspot"
versions = ["v3"]
[[route]]
name = "key"
path = "/key"
upstream = "http://127.0.0.1:1"
[route.verify]
scheme = "api-key"
secrets = []
"#;

#[test]
fn all_errors_of_a_configuration_are_reported_at_once_with_their_places() {
    let (_guard, path) = file("hookward.toml", BROKEN);
    let path = path.to_str().unwrap();
    let (code, out, _) = command(&["check", "--config", path]);
    assert_eq!(code, 2);
    let missing = out.matches("required").count();
    assert_eq!(
        missing, 1,
        "what is there and wrong is not missing too: {out}"
    );
    for (place, key, words) in [
        ("2:10", "server.listen", "expected a sequence"),
        (
            "3:1",
            "server.max_conections",
            "did you mean `max_connections`?",
        ),
        (
            "4:18",
            "server.header_timeout",
            "expected a duration in quotes",
        ),
        (
            "5:16",
            "server.body_timeout",
            "expected a duration in quotes",
        ),
        ("7:10", "admin.listen", "expected IP:PORT"),
        ("9:9", "log.level", "unknown value `verbose`"),
        ("10:1", "replay", "not in this version"),
        ("13:8", "route.name", "expected 1 to 64 characters"),
        ("14:8", "route.path", "starts with `/`"),
        ("15:12", "route.upstream", "has no path"),
        ("16:11", "route.methods", "at least one method"),
        ("18:10", "route.verify.scheme", "did you mean `hubspot`?"),
        (
            "19:12",
            "route.verify.secrets",
            "secret `a`: the secret is empty",
        ),
        ("23:12", "route.upstream", "expected http://HOST:PORT"),
        ("24:14", "route.public_url", "no query"),
        (
            "27:10",
            "route.verify.header",
            "no meaning with this scheme",
        ),
        ("28:10", "route.verify.replay", "not in this version"),
        (
            "29:12",
            "route.verify.secrets",
            "secret `a`: cannot read the secret file: No such file or directory (os error 2) (file /does/not/exist)",
        ),
        (
            "29:59",
            "route.verify.secrets",
            "another secret has the id `a`",
        ),
        (
            "29:52",
            "route.verify.secrets",
            "the variable is not set to text (environment variable HOOKWARD_NOT_SET)",
        ),
        ("29:92", "route.verify.secrets", "needs an `id`"),
        ("31:8", "route.name", "another route has the name `same`"),
        ("32:8", "route.path", "another route has the path `/same`"),
        ("30:1", "route.verify", "no [route.verify]"),
        ("38:1", "route.verify.secrets", "required, such as"),
        ("40:12", "route.verify.versions", "sign the public URL"),
        ("45:1", "route.verify", "either `header` or `query`"),
        ("47:11", "route.verify.secrets", "expected 1 to 5 secrets"),
    ] {
        let start = format!("{path}:{place}: error: {key}: ");
        assert!(
            out.lines()
                .any(|line| line.starts_with(&start) && line.contains(words)),
            "{start}…{words}… is not in\n{out}"
        );
    }
}

#[test]
fn a_syntax_error_is_the_only_one_reported() {
    for (text, what, place) in [
        (
            "[server]\nlisten = [\"127.0.0.1:0\"]\nlisten = []\n",
            "duplicate key `listen`",
            "3:1",
        ),
        ("[server]\nthreads = = 1\n", "extra `=`", "2:11"),
    ] {
        let (_guard, path) = file("hookward.toml", text);
        let (code, out, _) = command(&["check", "--config", path.to_str().unwrap()]);
        let expected = format!("{}:{place}: error: not valid TOML: {what}", path.display());
        assert_eq!(code, 2);
        assert!(out.starts_with(&expected), "{expected} {out}");
        assert!(
            out.lines().all(|line| line.contains("not valid TOML")),
            "{out}"
        );
    }
}

#[test]
fn secrets_that_cannot_be_used_are_named_and_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let cases = [
        (
            directory.path().display().to_string(),
            "cannot read the secret file",
        ),
        (write("empty", b""), "the secret is empty"),
        (write("newline", b"\n"), "the secret is empty"),
        (
            write("windows", b"visible-secret\r\n"),
            "ends with a carriage return",
        ),
        (write("binary", b"visible-secret\xff"), "not UTF-8"),
    ];
    for (path, words) in cases {
        let config = format!(
            "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[[route]]\nname = \"t\"\n\
             path = \"/t\"\nupstream = \"http://127.0.0.1:1\"\n[route.verify]\nscheme = \"twenty\"\n\
             secrets = [{{ id = \"s\", file = {path:?} }}]\n"
        );
        let (_guard, file) = file("hookward.toml", config);
        let file = file.to_str().unwrap();
        for subcommand in ["check", "run"] {
            let (code, out, error) = command(&[subcommand, "--config", file]);
            assert_eq!(code, 2, "{words}");
            let said = out + &error;
            assert!(
                said.contains(words) && said.contains("secret `s`"),
                "{said}"
            );
            assert!(!said.contains("visible"), "{said}");
        }
        assert_eq!(command(&["check", "--skip-secrets", "--config", file]).0, 0);
    }
}

#[test]
fn a_secret_at_the_wrong_place_is_not_shown() {
    for text in [
        "[[route]]\n[route.verify]\nsecrets = \"visible-secret\"\n",
        "[[route]]\n[route.verify]\nsecrets = [\"visible-secret\"]\n",
        "[[route]]\n[route.verify]\nsecrets = [{ id = \"a\", value = 314159265 }]\n",
        "[[route]]\n[route.verify]\nmax_age = \"visible-secret\"\n",
        "[[route]]\n[route.verify]\nsecrets = [{ id = \"a\", value = \"visible-secret }]\n",
        "secret = \"visible-secret",
    ] {
        let (_guard, path) = file("hookward.toml", text);
        let (code, out, error) = command(&["check", "--config", path.to_str().unwrap()]);
        assert_eq!(code, 2);
        assert!(!(out.clone() + &error).contains("visible"), "{out}{error}");
        assert!(!out.contains("314159265"), "{out}");
    }
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
    let proxy = Proxy::start(
        "",
        &sign::routes(format_args!("http://{}", app.address), ""),
    );
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
    let _ = Kind::ALL;
}
