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

use super::explain::{Explained, explain, help_with, without_quoted_text};
use super::raw::RawConfig;
use crate::config::finding::Findings;
use crate::config::shown;

/// Above this many, further errors of one file are not worth the reader's time.
const MAX_ERRORS: usize = 100;

/// `None` where the text is not TOML: then it is not known which keys are missing.
pub(crate) fn parse(text: &str, findings: &mut Findings<'_>) -> Option<RawConfig> {
    let (mut document, syntax_errors) = DeTable::parse_recoverable(text);
    let mut lines = HashSet::new();
    for error in &syntax_errors {
        let span = error.span().unwrap_or_default();
        // Further errors on the same line most often come from the same mistake.
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
            name => format!("not valid TOML: {what} `{}`", shown::key(name)),
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
                    // A key that was misspelt is not reported as missing too.
                    let meant = match place.key.rsplit_once('.') {
                        Some((table, _)) => format!("{table}.{meant}"),
                        None => meant,
                    };
                    findings.misspelt(&meant, place.key_span.start);
                }
                let message = match &*place.key {
                    "server" | "admin" | "log" | "replay" | "route.verify" if place.is_list => {
                        "wrong type: expected one table, in single brackets".to_owned()
                    }
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
    is_list: bool,
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
            is_list: value.get_ref().is_array(),
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
