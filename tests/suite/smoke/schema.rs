//! The JSON Schema says what the program says, as far as a schema can.

use super::configuration::{OPTIONS, examples};
use crate::support::proxy::{command, project};

/// Every key of the file, as the schema that `hookward schema` prints has it.
fn keys() -> Vec<String> {
    let (code, out, _) = command(&["schema"]);
    assert_eq!(code, 0);
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    let mut keys = Vec::new();
    collect(&schema, &mut keys);
    keys
}

fn collect(schema: &serde_json::Value, keys: &mut Vec<String>) {
    let Some(object) = schema.as_object() else {
        return;
    };
    if let Some(properties) = object.get("properties").and_then(|found| found.as_object()) {
        keys.extend(properties.keys().cloned());
    }
    for inner in object.values() {
        collect(inner, keys);
    }
}

#[test]
fn no_key_is_undocumented() {
    let keys = keys();
    assert!(keys.len() > 40, "{keys:?}");
    let annotated = std::fs::read_to_string(project("conf/hookward.toml")).unwrap();
    let reference = std::fs::read_to_string(project("docs/configuration.md")).unwrap();
    for key in keys {
        let is_table = ["server", "tls", "admin", "log", "route", "verify"].contains(&&*key);
        let is_set = annotated.contains(&format!("{key} = "));
        assert!(is_table || is_set, "{key} is not in conf/hookward.toml");
        let is_explained = ["`", "."]
            .iter()
            .any(|before| reference.contains(&format!("{before}{key}`")));
        assert!(
            is_table || is_explained,
            "{key} is not in docs/configuration.md"
        );
    }
}

/// Broken configurations in which a schema finds nothing wrong: only the program resolves what they name, or
/// compares two places.
const BEYOND_A_SCHEMA: [&str; 25] = [
    "a-health-path-of-a-route",
    "a-pid-file-that-is-a-socket",
    "a-secret-as-its-own-id",
    "a-secret-that-cannot-be-read",
    "a-signed-path-that-never-passes",
    "a-socket-that-is-the-app",
    "a-socket-twice",
    "a-variable-that-is-not-set",
    "an-api-key-that-no-header-can-carry",
    "an-upstream-that-is-hookward",
    "authorities-for-a-plain-upstream",
    "methods-in-small-letters",
    "no-public-url",
    "public-hosts-that-are-none",
    "public-urls-that-nobody-signs",
    "recording-to-nowhere",
    "retry-after-where-nobody-reads-it",
    "spool-as-two-users",
    "spool-credentials-that-are-not-there",
    "spool-in-the-directory-of-recordings",
    "spooling-to-nowhere",
    "tls-files-that-are-not-there",
    "trusted-proxies-that-are-none",
    "two-routes-of-one-name",
    "upstreams-that-are-hookward-in-disguise",
];

fn validator() -> jsonschema::Validator {
    let (_, out, _) = command(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn document(text: &str) -> Option<serde_json::Value> {
    let document: toml::Value = toml::from_str(text).ok()?;
    Some(serde_json::to_value(document).unwrap())
}

#[test]
fn the_schema_accepts_what_the_program_accepts() {
    let validator = validator();
    let mut count = 0;
    let warned = broken()
        .into_iter()
        .filter(|(name, _)| name.starts_with("warned-of-"));
    for (name, text) in examples().into_iter().chain(warned) {
        let document = document(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        count += 1;
    }
    assert!(count >= 10, "{count}");
}

#[test]
fn the_schema_refuses_what_the_program_refuses() {
    let validator = validator();
    let mut passed = Vec::new();
    for (name, text) in broken() {
        // What is not TOML has no keys and values to judge.
        let Some(document) = document(&text).filter(|_| !name.starts_with("warned-of-")) else {
            continue;
        };
        if validator.is_valid(&document) {
            passed.push(name);
        }
    }
    passed.sort_unstable();
    assert_eq!(passed, BEYOND_A_SCHEMA);
}

fn broken() -> Vec<(String, String)> {
    let files = std::fs::read_dir(project("tests/suite/smoke/broken")).unwrap();
    let files = files.map(|file| {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(path).unwrap())
    });
    files.collect()
}

/// Tables `[replay]`, and whether they can be used.
const REPLAYS: [(&str, bool); 20] = [
    ("", true),
    ("store = \"memory\"\ncapacity = 1", true),
    ("capacity = 100000000", true),
    ("capacity = 100000001", false),
    ("capacity = 0", false),
    ("store = \"memory\"\nprefix = \"a\"", false),
    ("timeout = \"50ms\"", false),
    ("on_store_failure = \"reject\"", false),
    ("url = \"redis://127.0.0.1\"", false),
    ("store = \"redis\"", false),
    ("store = \"redis\"\nurl = \"redis://127.0.0.1\"", true),
    (
        "store = \"redis\"\nurl = \"redis://127.0.0.1\"\ncapacity = 1",
        false,
    ),
    (
        "store = \"redis\"\nurl = \"redis://127.0.0.1\"\nprefix = \"\"",
        true,
    ),
    (
        "store = \"redis\"\nurl = \"redis://127.0.0.1\"\nprefix = \"{a}\"",
        false,
    ),
    (
        "store = \"redis\"\nurl = \"redis://127.0.0.1\"\nprefix = \"a\\nb\"",
        false,
    ),
    ("store = \"redis\"\nurl = \"http://127.0.0.1\"", false),
    (
        "store = \"redis\"\nurl = \"rediss://127.0.0.1#insecure\"",
        false,
    ),
    (
        "store = \"redis\"\nurl = \"unix:///run/redis.sock?pass=p\"",
        true,
    ),
    (
        "store = \"redis\"\nurl = \"rediss+cluster://u:p@a,b\"",
        true,
    ),
    (
        "store = \"redis\"\nurl = \"redis+sentinel://a,b/m/1\"",
        true,
    ),
];

/// Tables `[spool]`, and whether they can be used.
const SPOOLS: [(&str, bool); 22] = [
    ("", false),
    ("directory = \"/a\"", true),
    ("store = \"disk\"\ndirectory = \"/a\"", true),
    ("directory = \"a\"", false),
    ("directory = \"/a\"\nmax_bytes = \"1B\"", true),
    ("directory = \"/a\"\nmax_bytes = 1", false),
    ("directory = \"/a\"\nurl = \"nats://a\"", false),
    ("directory = \"/a\"\ncredentials = \"/b\"", false),
    ("directory = \"/a\"\nstream = \"A\"", false),
    ("directory = \"/a\"\nreplicas = 1", false),
    ("store = \"nats\"", false),
    ("store = \"nats\"\nurl = \"nats://127.0.0.1:4222\"", true),
    ("store = \"nats\"\nurl = \"tls://u:p@a:1,b:2\"", true),
    ("store = \"nats\"\nurl = \"http://a\"", false),
    (
        "store = \"nats\"\nurl = \"nats://a\"\ndirectory = \"/a\"",
        false,
    ),
    (
        "store = \"nats\"\nurl = \"nats://a\"\nmax_bytes = \"1GiB\"",
        false,
    ),
    (
        "store = \"nats\"\nurl = \"nats://a\"\ncredentials = \"b\"",
        false,
    ),
    (
        "store = \"nats\"\nurl = \"nats://a\"\ncredentials = \"/b\"\nstream = \"A-b_1\"\nreplicas = 5",
        true,
    ),
    (
        "store = \"nats\"\nurl = \"nats://a\"\nstream = \"a.b\"",
        false,
    ),
    (
        "store = \"nats\"\nurl = \"nats://a\"\nstream = \"a\\\\b\"",
        false,
    ),
    ("store = \"nats\"\nurl = \"nats://a\"\nstream = \"\"", false),
    ("store = \"nats\"\nurl = \"nats://a\"\nreplicas = 6", false),
];

/// What is required in whichever place, and either-or, one difference at a time.
#[test]
fn the_schema_says_what_is_required_and_what_excludes_what() {
    let validator = validator();
    let of_verify = |verify: &str| {
        format!(
            "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[[route]]\n\
             name = \"r\"\npath = \"/r\"\nupstream = \"http://127.0.0.1:1\"\n\
             public_url = \"https://a.example\"\n[route.verify]\n{verify}\n"
        )
    };
    let secrets = "secrets = [{ id = \"a\", env = \"A\" }]";
    for (verify, is_valid) in [
        (format!("scheme = \"twenty\"\n{secrets}"), true),
        (
            format!("scheme = \"hubspot\"\nversions = [\"v3\"]\n{secrets}"),
            true,
        ),
        (
            format!("scheme = \"hubspot\"\nversions = [\"v2\"]\nbody_start = \"json\"\n{secrets}"),
            true,
        ),
        (
            format!("scheme = \"api-key\"\nheader = \"X-A\"\n{secrets}"),
            true,
        ),
        (
            format!("scheme = \"api-key\"\nquery = \"a\"\nsender = \"twenty\"\n{secrets}"),
            true,
        ),
        (secrets.to_owned(), false),
        ("scheme = \"twenty\"".to_owned(), false),
        (format!("scheme = \"hubspot\"\n{secrets}"), false),
        (
            format!("scheme = \"hubspot\"\nversions = [\"v4\"]\n{secrets}"),
            false,
        ),
        (
            format!("scheme = \"twenty\"\nversions = [\"v3\"]\n{secrets}"),
            false,
        ),
        (
            format!("scheme = \"twenty\"\nbody_start = \"any\"\n{secrets}"),
            false,
        ),
        (
            format!("scheme = \"twenty\"\nheader = \"X-A\"\n{secrets}"),
            false,
        ),
        (format!("scheme = \"api-key\"\n{secrets}"), false),
        (
            format!("scheme = \"api-key\"\nheader = \"X-A\"\nquery = \"a\"\n{secrets}"),
            false,
        ),
        (
            format!("scheme = \"api-key\"\nheader = \"X-A\"\nmax_age = \"1m\"\n{secrets}"),
            false,
        ),
        (
            format!("scheme = \"twenty\"\nreplay = true\non_replay = \"acknowledge\"\n{secrets}"),
            true,
        ),
        (
            format!("scheme = \"hubspot\"\nversions = [\"v1\", \"v3\"]\nreplay = true\n{secrets}"),
            true,
        ),
        (
            format!("scheme = \"hubspot\"\nversions = [\"v1\", \"v2\"]\nreplay = true\n{secrets}"),
            false,
        ),
        (
            format!("scheme = \"hubspot\"\nversions = [\"v2\"]\nreplay = false\n{secrets}"),
            true,
        ),
        (
            format!("scheme = \"api-key\"\nheader = \"X-A\"\nreplay = false\n{secrets}"),
            true,
        ),
        (
            format!("scheme = \"api-key\"\nheader = \"X-A\"\nreplay = true\n{secrets}"),
            false,
        ),
        (
            format!("scheme = \"api-key\"\nheader = \"X-A\"\non_replay = \"refuse\"\n{secrets}"),
            false,
        ),
        (
            "scheme = \"twenty\"\nsecrets = [{ id = \"a\" }]".to_owned(),
            false,
        ),
        (
            "scheme = \"twenty\"\nsecrets = [{ env = \"A\" }]".to_owned(),
            false,
        ),
        (
            "scheme = \"twenty\"\nsecrets = [{ id = \"a\", env = \"A\", file = \"/a\" }]"
                .to_owned(),
            false,
        ),
    ] {
        let text = of_verify(&verify);
        let document = document(&text).unwrap();
        assert_eq!(validator.is_valid(&document), is_valid, "{verify}");
        let loaded = hookward::config::read("x", &text, OPTIONS);
        assert_eq!(
            loaded.config.is_some(),
            is_valid,
            "{verify}: {:?}",
            loaded.findings
        );
    }
    let whole = of_verify(&format!("scheme = \"twenty\"\n{secrets}"));
    let tables = REPLAYS.iter().map(|table| ("replay", table));
    let tables = tables.chain(SPOOLS.iter().map(|table| ("spool", table)));
    for (name, (table, is_valid)) in tables {
        let text = whole.replace("[[route]]", &format!("[{name}]\n{table}\n[[route]]"));
        let document = document(&text).unwrap();
        assert_eq!(validator.is_valid(&document), *is_valid, "{name}: {table}");
        let loaded = hookward::config::read("x", &text, OPTIONS);
        let found = loaded.findings;
        assert_eq!(loaded.config.is_some(), *is_valid, "{table}: {found:?}");
    }
    let with_tls = whole.replace(
        "listen = [\"127.0.0.1:0\"]\n",
        "tls = { listen = [\"127.0.0.1:0\"], certificates = [{ cert = \"/c\", key = \"/k\" }] }\n",
    );
    assert!(validator.is_valid(&document(&with_tls).unwrap()));
    let loaded = hookward::config::read("x", &with_tls, OPTIONS);
    assert!(loaded.config.is_some(), "{:?}", loaded.findings);
    for required in [
        "listen = [\"127.0.0.1:0\"]\n",
        "listen = \"127.0.0.1:0\"\n",
        "name = \"r\"\n",
        "path = \"/r\"\n",
        "upstream = \"http://127.0.0.1:1\"\n",
    ] {
        let text = whole.replace(required, "");
        assert!(!validator.is_valid(&document(&text).unwrap()), "{required}");
    }
}
