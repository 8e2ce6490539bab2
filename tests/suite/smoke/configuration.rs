//! Configurations are judged whole, with places and without secrets, and the examples are valid.

use hookward::config::{Options, Secrets};
use hookward::providers::Providers;

use crate::support::proxy::{command, file, project};

pub(super) const OPTIONS: Options = Options {
    secrets: Secrets::Skip,
    providers: Providers::known(),
};

/// Every `toml` example in the documentation but those of Cargo's manifests, and every file in `conf/`.
pub(super) fn examples() -> Vec<(String, String)> {
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
                let ours = blocks.filter(|block| !block.contains("[dependencies]"));
                examples.extend(ours.map(|block| (name.clone(), block)));
            }
        }
    }
    examples
}

#[test]
fn findings_can_be_read_by_programs() {
    let (_guard, path) = file("hookward.toml", BROKEN);
    let path = path.to_str().unwrap();
    let (code, out, _) = command(&["check", "--format", "json", "--config", path]);
    assert_eq!(code, 2);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&report["file"], &report["ok"]),
        (&path.into(), &false.into())
    );
    let findings = report["findings"].as_array().unwrap();
    let misspelt = findings
        .iter()
        .find(|finding| finding["key"] == "server.max_conections")
        .unwrap();
    assert_eq!(
        (
            &misspelt["line"],
            &misspelt["column"],
            &misspelt["severity"]
        ),
        (&3.into(), &1.into(), &"error".into())
    );
}

#[test]
fn the_file_is_named_by_argument_environment_or_default() {
    let (_guard, path) = file("hookward.toml", BROKEN);
    let check = |variable: Option<&std::path::Path>| {
        let mut command = std::process::Command::new(crate::support::proxy::BINARY);
        command.arg("check").env_remove("HOOKWARD_CONFIG");
        if let Some(variable) = variable {
            command.env("HOOKWARD_CONFIG", variable);
        }
        let output = command.output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    assert!(check(Some(&path)).contains("max_conections"));
    assert!(check(None).contains("/etc/hookward/hookward.toml"));
}

#[test]
fn shells_can_complete_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = command(&["completions", shell]);
        assert!(code == 0 && out.contains("skip-secrets"), "{shell}");
    }
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
store = "memry"
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
replay = "yes"
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
        let loaded = hookward::config::read("x", text, OPTIONS);
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
    assert_eq!(annotated.replay, minimal.replay);
    assert_eq!(
        format!("{:?}", annotated.routes[0]),
        format!("{:?}", minimal.routes[0])
    );
}

#[test]
fn a_spool_has_the_defaults_that_are_documented() {
    let read = |table: &str, keys: &str| {
        let text = format!(
            "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[spool]\n{table}\n\
             [[route]]\nname = \"t\"\npath = \"/t\"\nupstream = \"http://127.0.0.1:1\"\n{keys}\n[route.verify]\n\
             scheme = \"twenty\"\nsecrets = [{{ id = \"a\", env = \"A\" }}]\n"
        );
        let loaded = hookward::config::read("x", &text, OPTIONS);
        let config = loaded.config;
        config.unwrap_or_else(|| panic!("{:?}", loaded.findings))
    };
    for (required, defaults) in [
        (
            "directory = \"/var/lib/hookward\"",
            "store = \"disk\"\nmax_bytes = \"1GiB\"",
        ),
        (
            "store = \"nats\"\nurl = \"nats://127.0.0.1\"",
            "stream = \"HOOKWARD\"\nreplicas = 1",
        ),
    ] {
        let written = read(&format!("{required}\n{defaults}"), "");
        assert!(written.spool.is_some());
        assert_eq!(read(required, "").spool, written.spool, "{required}");
    }
    let of_route = |keys: &str| {
        let config = read("directory = \"/var/lib/hookward\"", keys);
        let route = &config.routes[0];
        (route.spool, route.spool_max_age, route.spool_in_order)
    };
    let defaults = "spool = \"off\"\nspool_max_age = \"3d\"\nspool_in_order = false";
    assert_eq!(of_route(""), of_route(defaults));
    assert_ne!(
        of_route("spool = \"always\""),
        of_route("spool = \"on-failure\"")
    );
}

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
        ("2:10", "server.listen", "expected a list"),
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
        ("11:9", "replay.store", "did you mean `memory`?"),
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
        ("28:10", "route.verify.replay", "expected true or false"),
        (
            "29:12",
            "route.verify.secrets",
            "secret `a`: cannot read the secret file: No such file or directory (os error 2) (file /does/not/exist)",
        ),
        (
            "29:59",
            "route.verify.secrets",
            "another secret of this route has the same id",
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
        let start = format!("error: {key}: ");
        let at = format!("--> {path}:{place}");
        let is_it = |report: &str| {
            let mut lines = report.lines();
            let title = lines.next().unwrap_or_default();
            let place = lines.next().unwrap_or_default();
            title.starts_with(&start) && title.contains(words) && place.trim() == at
        };
        assert!(
            out.split("\n\n").any(is_it),
            "{start}…{words}… {at} is not in\n{out}"
        );
    }
}

#[test]
fn the_sum_of_memory_has_what_is_remembered_in_it() {
    for (replay, verify, expected, part) in [
        ("", "", "572 MiB", Some("96 MiB [replay]")),
        ("capacity = 1", "", "477 MiB", Some("1 MiB [replay]")),
        (
            "store = \"memory\"\ncapacity = 100000000",
            "",
            "10013 MiB",
            Some("9537 MiB [replay]"),
        ),
        ("", "replay = false", "477 MiB", None),
        (
            "store = \"redis\"\nurl = \"redis://127.0.0.1\"",
            "",
            "477 MiB",
            None,
        ),
    ] {
        let text = format!(
            "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[replay]\n{replay}\n\
             [[route]]\nname = \"t\"\npath = \"/t\"\nupstream = \"http://127.0.0.1:1\"\n[route.verify]\n\
             scheme = \"twenty\"\n{verify}\nsecrets = [{{ id = \"a\", env = \"A\" }}]\n"
        );
        let (_guard, path) = file("hookward.toml", text);
        let path = path.to_str().unwrap();
        let (code, out, _) = command(&["check", "--skip-secrets", "--config", path]);
        assert_eq!(code, 0, "{out}");
        let sum = format!("memory: at most {expected} ");
        assert!(out.contains(&sum), "{replay} {verify}: {out}");
        assert_eq!(out.contains("MiB [replay]"), part.is_some(), "{out}");
        assert!(part.is_none_or(|part| out.contains(part)), "{out}");
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
        assert_eq!(code, 2);
        let expected = format!("error: not valid TOML: {what}");
        assert!(out.starts_with(&expected), "{expected} {out}");
        let place = format!("--> {}:{place}\n", path.display());
        assert!(out.contains(&place), "{place} {out}");
        let errors = out.lines().filter(|line| line.starts_with("error: "));
        assert_eq!(errors.count(), 1, "{out}");
    }
}
