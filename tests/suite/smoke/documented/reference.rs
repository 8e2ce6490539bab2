//! `docs/reference.md` is what `hookward schema` says, as tables.
//!
//! It is written by this test, so that it cannot fall behind: `HOOKWARD_WRITE_REFERENCE=1 cargo test --test suite
//! reference` writes it anew.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::support::proxy::{command, project};

const PAGE: &str = "docs/reference.md";

const HEAD: &str = "\
# Reference of keys

<!-- Written by a program from `hookward schema`: tests/suite/smoke/documented/reference.rs. -->

Every key of the configuration, as `hookward schema` describes it. This page is generated from the same source as the
schema, so it lacks nothing; [Configuration](configuration.md) explains what the keys mean together.

A duration is a whole number and `ms`, `s`, `m`, `h` or `d`; a size one and `B`, `KiB`, `MiB`, `GiB`, `KB`, `MB` or
`GB`. Both stand in quotes. A key without a default may be left out, unless it says that it is required.
";

/// The tables in the order in which a configuration has them: heading, where the schema has them, and what must be
/// known before the keys.
const TABLES: [(&str, &str, &str); 13] = [
    ("All tables", "", ""),
    ("`[server]`", "/properties/server", ""),
    (
        "A Unix socket in `server.listen`",
        "/$defs/socket",
        "In place of a text: `{ path = \"…\", mode = \"…\" }`. ",
    ),
    ("`[server.tls]`", "/$defs/tls", ""),
    (
        "A certificate in `server.tls.certificates`",
        "/$defs/certificate",
        "",
    ),
    ("`[admin]`", "/properties/admin", ""),
    ("`[log]`", "/$defs/log", ""),
    ("`[record]`", "/$defs/record", ""),
    ("`[replay]`", "/$defs/replay", ""),
    ("`[spool]`", "/$defs/spool", ""),
    ("`[[route]]`", "/$defs/route", ""),
    ("`[route.verify]`", "/$defs/route/properties/verify", ""),
    ("A secret in `secrets`", "/$defs/secret", ""),
];

/// What links of the schema lead to here.
fn link(reference: &str) -> &'static str {
    match reference {
        "#/$defs/socket" => "[a table](#a-unix-socket-in-serverlisten)",
        "#/$defs/certificate" => "[certificates](#a-certificate-in-servertlscertificates)",
        "#/$defs/secret" => "[secrets](#a-secret-in-secrets)",
        "#/$defs/tls" => "[a table](#servertls)",
        "#/$defs/log" => "[a table](#log)",
        "#/$defs/record" => "[a table](#record)",
        "#/$defs/replay" => "[a table](#replay)",
        "#/$defs/spool" => "[a table](#spool)",
        "#/$defs/route" => "[tables](#route)",
        other => panic!("no table for {other}"),
    }
}

/// What a value may be.
fn kind(key: &str, schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return link(reference).to_owned();
    }
    // Its branches say which keys go together, and not what it may be.
    if schema["type"] == "object" {
        return match key {
            "verify" => "[a table](#routeverify)".to_owned(),
            key => format!("[a table](#{key})"),
        };
    }
    if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let mut kinds: Vec<String> = choices.iter().map(|choice| kind(key, choice)).collect();
        kinds.dedup();
        return kinds.join(", ");
    }
    if let Some(value) = schema.get("const") {
        return format!("`{value}`");
    }
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().filter(|value| !value.is_null());
        let values: Vec<String> = values.map(|value| format!("`{value}`")).collect();
        return values.join(", ");
    }
    let pattern = schema["pattern"].as_str().unwrap_or("");
    match schema["type"].as_str().unwrap() {
        "boolean" => "`true`, `false`".to_owned(),
        "integer" => match (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (least, _) => format!("from {}", least.unwrap_or(0)),
        },
        "array" => format!("list: {}", kind(key, &schema["items"])),
        "string" if pattern.contains("(ms|s|m|h|d)") => "duration".to_owned(),
        "string" if pattern.contains("KiB") => "size".to_owned(),
        "string" if schema["format"] == "date-time" => "time, RFC 3339".to_owned(),
        "string" => "text".to_owned(),
        other => panic!("{key}: {other}"),
    }
}

/// The schemes, or stores, that have a key, where not all have it.
fn only_of(key: &str, table: &Value) -> String {
    let has_it = |condition: &Value| condition["properties"][key] != Value::Bool(false);
    let names: Vec<(&Value, bool)> =
        if let Some(store) = table["if"]["properties"]["store"].get("const") {
            let default = &table["properties"]["store"]["default"];
            vec![
                (default, has_it(&table["else"])),
                (store, has_it(&table["then"])),
            ]
        } else if let Some(schemes) = table["oneOf"].as_array() {
            let scheme = |branch: &'_ Value| branch["properties"]["scheme"]["const"].is_string();
            let schemes = schemes.iter().filter(|branch| scheme(branch));
            schemes
                .map(|branch| (&branch["properties"]["scheme"]["const"], has_it(branch)))
                .collect()
        } else {
            return String::new();
        };
    if names.iter().all(|(_, has_it)| *has_it) {
        return String::new();
    }
    let names = names.iter().filter(|(_, has_it)| *has_it);
    let names: Vec<String> = names.map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}

fn cell(text: &str) -> String {
    text.replace('\n', " ")
        .replace('|', "\\|")
        .replace('<', "&lt;")
}

fn rows(table: &Value, page: &mut String) {
    let none = Map::new();
    let keys = table["properties"].as_object().unwrap_or(&none);
    let is_split = keys.keys().any(|key| !only_of(key, table).is_empty());
    let (title, rule) = if is_split {
        ("| for ", "| --- ")
    } else {
        ("", "")
    };
    writeln!(
        page,
        "\n| key {title}| value | default | |\n| --- {rule}| --- | --- | --- |"
    )
    .unwrap();
    for (key, schema) in keys {
        let required = table["required"].as_array();
        let is_required = required.is_some_and(|keys| keys.contains(&Value::from(key.as_str())));
        let default = match schema.get("default") {
            _ if is_required => "required".to_owned(),
            Some(default) => format!("`{default}`"),
            None => String::new(),
        };
        let only = if is_split {
            format!("| {} ", only_of(key, table))
        } else {
            String::new()
        };
        let description = cell(schema["description"].as_str().unwrap_or(""));
        let kind = kind(key, schema);
        writeln!(
            page,
            "| `{key}` {only}| {kind} | {default} | {description} |"
        )
        .unwrap();
    }
}

fn reference() -> String {
    let (code, out, _) = command(&["schema"]);
    assert_eq!(code, 0);
    let schema: Value = serde_json::from_str(&out).unwrap();
    let mut page = HEAD.to_owned();
    for (heading, place, before) in TABLES {
        let table = schema.pointer(place).unwrap();
        writeln!(page, "\n## {heading}").unwrap();
        let description = cell(table["description"].as_str().unwrap());
        writeln!(page, "\n{before}{description}").unwrap();
        rows(table, &mut page);
    }
    page
}

#[test]
fn the_reference_is_what_the_schema_says() {
    let expected = reference();
    if std::env::var_os("HOOKWARD_WRITE_REFERENCE").is_some() {
        std::fs::write(project(PAGE), &expected).unwrap();
    }
    let found = std::fs::read_to_string(project(PAGE)).unwrap();
    let differs = found
        .lines()
        .zip(expected.lines())
        .find(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "{PAGE} is not what `hookward schema` says: {differs:?}; write it anew with \
         HOOKWARD_WRITE_REFERENCE=1 cargo test --test suite reference"
    );
}

/// Tables of the schema that have no heading here: a new one must get one.
#[test]
fn every_table_of_the_schema_has_a_heading() {
    let (_, out, _) = command(&["schema"]);
    let schema: Value = serde_json::from_str(&out).unwrap();
    for name in schema["$defs"].as_object().unwrap().keys() {
        let place = format!("/$defs/{name}");
        let is_there = TABLES.iter().any(|(_, known, _)| *known == place);
        assert!(is_there, "{name}");
    }
}
