//! The snippets of the documentation can be used as they stand.
//!
//! A block `toml` is a whole configuration (`configuration.rs` checks those). A block `toml fragment` is a part of
//! one: what it leaves out is filled in here, and then the program checks it. A manifest of Cargo's is one where it
//! has `[dependencies]`.

use std::process::Command;

use toml::{Table, Value};

use super::{Block, pages, split};
use crate::support::proxy::{command, file};

/// What fragments leave out.
const REST: &str = r#"
[server]
listen = ["127.0.0.1:8080"]
[admin]
listen = "127.0.0.1:9464"
[[route]]
name = "hubspot"
path = "/hubspot"
upstream = "http://127.0.0.1:3000"
public_url = "https://hooks.example.com"
[route.verify]
scheme = "hubspot"
versions = ["v3"]
secrets = [{ id = "2026-11", file = "/run/secrets/hubspot" }]
"#;

/// The languages of blocks, so that none is left unchecked for a typing error in its name.
const LANGUAGES: [&str; 12] = [
    "",
    "caddyfile",
    "console",
    "http",
    "ini",
    "json",
    "nginx",
    "rust",
    "sh",
    "text",
    "toml",
    "yaml",
];

fn blocks() -> Vec<(String, Block)> {
    let mut all = Vec::new();
    for page in pages() {
        let (blocks, _) = split(&page.text);
        let named = blocks.into_iter();
        all.extend(named.map(|block| (format!("{}:{}", page.name, block.line), block)));
    }
    all
}

/// Puts what `rest` has and `found` has not into it. Of a route that is there, every key but those of its
/// verification, which go with its scheme.
fn complete(found: &mut Table, rest: &Table) {
    for (key, value) in rest {
        match (found.get_mut(key), value) {
            (None, _) => {
                found.insert(key.clone(), value.clone());
            }
            (Some(Value::Table(table)), Value::Table(rest)) if key != "verify" => {
                complete(table, rest);
            }
            (Some(Value::Array(routes)), Value::Array(rest)) if key == "route" => {
                for (number, route) in routes.iter_mut().enumerate() {
                    let mut rest = rest[0].as_table().unwrap().clone();
                    rest.insert("name".to_owned(), format!("route-{number}").into());
                    rest.insert("path".to_owned(), format!("/route-{number}").into());
                    complete(route.as_table_mut().unwrap(), &rest);
                }
            }
            _ => {}
        }
    }
}

/// A fragment as a whole configuration.
fn whole(fragment: &str) -> Result<String, toml::de::Error> {
    let mut found: Table = toml::from_str(fragment)?;
    // `[route.verify]` alone is of one route.
    if let Some(Value::Table(route)) = found.get("route").cloned() {
        found.insert("route".to_owned(), Value::Array(vec![Value::Table(route)]));
    }
    complete(&mut found, &toml::from_str(REST)?);
    Ok(toml::to_string(&found).unwrap())
}

/// What the program says of a fragment that it cannot use.
fn wrong_with(fragment: &str) -> Option<String> {
    let text = match whole(fragment) {
        Ok(text) => text,
        Err(error) => return Some(error.to_string()),
    };
    let (_guard, path) = file("hookward.toml", &text);
    let path = path.to_str().unwrap();
    let (code, out, _) = command(&["check", "--skip-secrets", "--config", path]);
    (code != 0).then(|| format!("{out}\n{text}"))
}

#[test]
fn every_fragment_of_a_configuration_is_valid() {
    let mut count = 0;
    for (at, block) in blocks() {
        if block.info == "toml fragment" {
            let wrong = wrong_with(&block.text);
            assert!(wrong.is_none(), "{at}: {}", wrong.unwrap());
            count += 1;
        }
    }
    assert!(count > 5, "{count}");
}

#[test]
fn what_is_wrong_in_a_fragment_is_found() {
    for (fragment, is_right) in [
        ("[server]\ntrusted_proxies = [\"127.0.0.1/32\"]", true),
        ("[[route]]\nenforce = false", true),
        (
            "[[route]]\nenforce = false\n[[route]]\nenforce = true",
            true,
        ),
        (
            "[route.verify]\nscheme = \"twenty\"\nsecrets = [{ id = \"a\", env = \"A\" }]",
            true,
        ),
        ("[server]\ntrusted_proxy = [\"127.0.0.1/32\"]", false),
        ("[[route]]\nenforced = false", false),
        ("[route.verify]\nscheme = \"twenty\"", false),
        ("enforce = false", false),
        ("[server", false),
    ] {
        assert_eq!(wrong_with(fragment).is_none(), is_right, "{fragment}");
    }
}

#[test]
fn every_snippet_is_of_a_language_that_is_known() {
    for (at, block) in blocks() {
        assert!(
            LANGUAGES.contains(&block.language()),
            "{at}: {}",
            block.info
        );
        let is_plain = block.info == block.language();
        assert!(
            is_plain || block.info == "toml fragment",
            "{at}: {}",
            block.info
        );
    }
}

#[test]
fn every_json_snippet_is_json() {
    let mut count = 0;
    for (at, block) in blocks() {
        if block.language() == "json" {
            let parsed: Result<serde_json::Value, _> = serde_json::from_str(&block.text);
            assert!(parsed.is_ok(), "{at}: {parsed:?}");
            count += 1;
        }
    }
    assert!(count > 0);
}

#[test]
fn every_shell_snippet_can_be_read_by_a_shell() {
    let mut count = 0;
    for (at, block) in blocks() {
        if block.language() == "sh" {
            let (_guard, path) = file("snippet.sh", &block.text);
            let output = Command::new("sh").arg("-n").arg(&path).output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{at}: {error}");
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}
