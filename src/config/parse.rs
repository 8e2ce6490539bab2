//! From text to [`RawConfig`], gathering every syntax error, unknown key and wrong type.
//!
//! serde stops at its first error. To report all of them with one source of truth for the keys (the
//! structs), the entry an error points at is taken out of the parsed document and deserialising is
//! tried again, until nothing is left to complain about.

use std::collections::HashSet;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::finding::Findings;
use super::raw::RawConfig;
use super::schema::schema;

/// Above this many, further errors of one file are not worth the reader's time.
const MAX_ERRORS: usize = 100;

/// `None` where the text is not TOML: what is missing from it cannot be told then.
pub(super) fn parse(text: &str, findings: &mut Findings<'_>) -> Option<RawConfig> {
    let (mut document, syntax_errors) = DeTable::parse_recoverable(text);
    let mut lines = HashSet::new();
    for error in &syntax_errors {
        let span = error.span().unwrap_or_default();
        // What follows on the same line is most often of the same mistake.
        let line = text
            .get(..span.start)
            .map(|before| before.matches('\n').count());
        if !lines.insert(line) {
            continue;
        }
        let name = match error.message() {
            "duplicate key" => text.get(span.clone()).unwrap_or_default(),
            _ => "",
        };
        let what = without_quoted_text(error.message());
        let message = match name {
            "" => format!("not valid TOML: {what}"),
            name => format!("not valid TOML: {what} `{name}`"),
        };
        findings.error_with_help(span, "", message, help_with(error.message()));
    }
    if !syntax_errors.is_empty() {
        return None;
    }
    for _ in 0..MAX_ERRORS {
        match RawConfig::deserialize(Deserializer::from(document.clone())) {
            Ok(config) => return Some(config),
            Err(error) => {
                let span = error.span().unwrap_or_default();
                let Some(place) = innermost(document.get_ref(), &span) else {
                    findings.error(span, "", explain(error.message()).message);
                    break;
                };
                let Explained {
                    message,
                    help,
                    meant,
                } = explain(error.message());
                if let Some(meant) = meant {
                    // What was misspelt is not missing besides.
                    let meant = match place.key.rsplit_once('.') {
                        Some((table, _)) => format!("{table}.{meant}"),
                        None => meant,
                    };
                    findings.misspelt(&meant, place.key_span.start);
                }
                let message = match &*place.key {
                    "route" => {
                        "expected [[route]] in two brackets: there can be several".to_owned()
                    }
                    _ => message,
                };
                findings.unreadable(place.report_at.clone(), &place.key, message, help);
                remove(document.get_mut(), &place.key_span);
            }
        }
    }
    None
}

/// An entry of the document.
struct Place {
    key: String,
    key_span: Range<usize>,
    value_span: Range<usize>,
    report_at: Range<usize>,
}

/// The entry that an error is about: the one whose key it points at, else the smallest whose value
/// it lies in.
fn innermost(document: &DeTable<'_>, span: &Range<usize>) -> Option<Place> {
    let mut places = Vec::new();
    collect(document, "", &mut places);
    places
        .into_iter()
        .filter(|place| {
            place.key_span == *span
                || (place.value_span.start <= span.start && span.end <= place.value_span.end)
        })
        .min_by_key(|place| {
            if place.key_span == *span {
                0
            } else {
                place.value_span.len().saturating_add(1)
            }
        })
        .map(|place| Place {
            report_at: span.clone(),
            ..place
        })
}

fn collect(table: &DeTable<'_>, prefix: &str, places: &mut Vec<Place>) {
    for (key, value) in table {
        let name = if prefix.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{prefix}.{}", key.get_ref())
        };
        places.push(Place {
            key: name.clone(),
            key_span: key.span(),
            value_span: value.span(),
            report_at: key.span(),
        });
        collect_value(value, &name, places);
    }
}

fn collect_value(value: &Spanned<DeValue<'_>>, name: &str, places: &mut Vec<Place>) {
    match value.get_ref() {
        DeValue::Table(table) => collect(table, name, places),
        DeValue::Array(array) => {
            for element in array.iter() {
                collect_value(element, name, places);
            }
        }
        _ => {}
    }
}

/// Takes out the entry whose key stands at `key_span`.
fn remove(table: &mut DeTable<'_>, key_span: &Range<usize>) {
    let named = table.keys().find(|key| key.span() == *key_span).cloned();
    if let Some(key) = named {
        table.remove(&key);
        return;
    }
    for (_, value) in table.iter_mut() {
        remove_in(value, key_span);
    }
}

fn remove_in(value: &mut Spanned<DeValue<'_>>, key_span: &Range<usize>) {
    match value.get_mut() {
        DeValue::Table(table) => remove(table, key_span),
        DeValue::Array(array) => {
            for element in array.iter_mut() {
                remove_in(element, key_span);
            }
        }
        _ => {}
    }
}

/// Our keys are not longer.
const LONGEST_KEY_BYTES: usize = 28;
/// Nor are our words that a value may be.
const LONGEST_VALUE_BYTES: usize = 16;

/// What serde said, for an operator.
struct Explained {
    message: String,
    help: Option<String>,
    /// The key that was most likely meant.
    meant: Option<String>,
}

impl From<String> for Explained {
    fn from(message: String) -> Self {
        Self {
            message,
            help: None,
            meant: None,
        }
    }
}

/// serde's message in the words of an operator, with the nearest valid name, and without the value
/// that was found: it may be a secret in the wrong place.
fn explain(message: &str) -> Explained {
    let unknown = [
        ("unknown field `", "unknown key"),
        ("unknown variant `", "unknown value"),
    ];
    for (prefix, what) in unknown {
        if let Some((name, rest)) = message
            .strip_prefix(prefix)
            .and_then(|rest| rest.split_once('`'))
        {
            let valid: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
            let nearest = nearest(&name.to_ascii_lowercase(), &valid);
            // What is longer than any of ours may be a secret in the wrong place.
            let longest = if what == "unknown key" {
                LONGEST_KEY_BYTES
            } else {
                LONGEST_VALUE_BYTES
            };
            let name = if name.len() > longest { "…" } else { name };
            let message = match nearest {
                Some(nearest) => format!("{what} `{name}`; did you mean `{nearest}`?"),
                None => format!("{what} `{name}`"),
            };
            let valid = format!("valid: {}", valid.join(", "));
            let elsewhere = elsewhere(name).filter(|_| nearest.is_none() && what == "unknown key");
            let help = match elsewhere {
                Some(elsewhere) => format!("{elsewhere}; {valid}"),
                None => valid,
            };
            return Explained {
                message,
                help: Some(help),
                meant: nearest.map(str::to_owned),
            };
        }
    }
    if message.starts_with("wanted exactly 1 element") {
        return "wrong type: expected one table, in single brackets"
            .to_owned()
            .into();
    }
    if message == "wanted string or table" {
        return "wrong type: expected a text in quotes".to_owned().into();
    }
    let Some((found, expected)) = message.split_once(", expected ") else {
        return without_quoted_text(message).into();
    };
    let kind = found
        .strip_prefix("invalid type: ")
        .map(|found| found.split(['`', '"']).next().unwrap_or_default().trim());
    let expected = in_toml(expected);
    match kind {
        Some(kind) => format!("wrong type: expected {expected}, found {}", in_toml(kind)).into(),
        None => format!("invalid value: expected {expected}").into(),
    }
}

/// Where a key of this name, or nearly this name, belongs.
fn elsewhere(name: &str) -> Option<String> {
    const HOMES: [(&str, &str); 6] = [
        ("/properties/server", "[server]"),
        ("/properties/admin", "[admin]"),
        ("/$defs/log", "[log]"),
        ("/$defs/route", "[[route]]"),
        ("/$defs/route/properties/verify", "[route.verify]"),
        ("/$defs/secret", "a secret in [route.verify]"),
    ];
    if name == "verify" {
        return Some("it belongs to a route: [route.verify]".to_owned());
    }
    let schema = schema();
    let keys = HOMES.iter().flat_map(|(table, home)| {
        let properties = schema
            .pointer(table)
            .and_then(|table| table.get("properties"));
        let properties = properties.and_then(serde_json::Value::as_object);
        let keys = properties
            .into_iter()
            .flat_map(|properties| properties.keys());
        keys.map(move |key| (key.as_str(), *home))
    });
    let keys: Vec<(&str, &str)> = keys.collect();
    let names: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
    let near = nearest(name, &names)?;
    let (key, home) = keys.iter().find(|(key, _)| *key == near)?;
    Some(if *key == name {
        format!("`{key}` is a key of {home}")
    } else {
        format!("there is `{key}` in {home}")
    })
}

/// serde's names of types in TOML's words.
fn in_toml(text: &str) -> &str {
    match text {
        "a sequence" | "sequence" => "a list, such as [\"…\"]",
        "a string" | "string" => "a text in quotes",
        "a boolean" | "boolean" => "true or false",
        "map" => "a table",
        "integer" => "a whole number",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        text if text.starts_with("struct ") => "a table",
        text => text,
    }
}

/// What a newcomer to TOML may not know.
fn help_with(message: &str) -> Option<String> {
    let help = match message {
        "duplicate key" => "a key occurs once in its table; remove one of them",
        message if message.starts_with("key with no value") => {
            "a key and its value are joined by `=`: threads = 4"
        }
        message if message.starts_with("missing comma") => {
            "a list ends with `]`: is one missing above?"
        }
        message if message.starts_with("invalid") || message.contains("string") => {
            "texts, addresses, durations and sizes stand in double quotes: listen = [\"127.0.0.1:8080\"]"
        }
        _ => return None,
    };
    Some(help.to_owned())
}

/// The valid name that `name` was most likely meant to be.
pub(super) fn nearest<'a>(name: &str, valid: &[&'a str]) -> Option<&'a str> {
    valid
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

fn without_quoted_text(message: &str) -> String {
    message
        .split('"')
        .enumerate()
        .map(|(index, piece)| if index % 2 == 0 { piece } else { "…" })
        .collect::<Vec<_>>()
        .join("\"")
}
