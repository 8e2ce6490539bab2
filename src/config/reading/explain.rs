//! What serde and the TOML parser say, in the words of an operator.
//!
//! They speak of fields, sequences and variants, and quote what they found. An operator wants to know
//! what is expected and what was most likely meant, and what was found may be a secret in the wrong
//! place.

use super::schema::Keys;
use crate::config::nearest::{nearest, unknown_key, unknown_value};

/// What serde said, for an operator.
pub(crate) struct Explained {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    /// The key that was most likely meant.
    pub(crate) meant: Option<String>,
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
pub(crate) fn explain(message: &str) -> Explained {
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
            if what == "unknown value" {
                let (message, help) = unknown_value(name, &valid);
                return Explained {
                    message,
                    help: Some(help),
                    meant: None,
                };
            }
            let nearest = nearest(name, &valid);
            let message = unknown_key(name, nearest);
            let valid = format!("valid: {}", valid.join(", "));
            let elsewhere = elsewhere(name).filter(|_| nearest.is_none());
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
    if name == "verify" {
        return Some("it belongs to a route: [route.verify]".to_owned());
    }
    let keys = Keys::of_file();
    let homes: Vec<(&str, &str)> = keys.iter().filter(|(_, table)| !table.is_empty()).collect();
    let names: Vec<&str> = homes.iter().map(|(key, _)| *key).collect();
    let near = nearest(name, &names)?;
    let (key, table) = homes.iter().find(|(key, _)| *key == near)?;
    let home = match *table {
        "route" => "[[route]]".to_owned(),
        "route.verify.secrets" => "a secret in [route.verify]".to_owned(),
        "server.tls.certificates" => "a certificate in [server.tls]".to_owned(),
        "server.listen" => "a socket in `listen` of [server]".to_owned(),
        table => format!("[{table}]"),
    };
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
pub(crate) fn help_with(message: &str) -> Option<String> {
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

pub(crate) fn without_quoted_text(message: &str) -> String {
    message
        .split('"')
        .enumerate()
        .map(|(index, piece)| if index % 2 == 0 { piece } else { "…" })
        .collect::<Vec<_>>()
        .join("\"")
}
