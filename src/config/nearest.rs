//! The name that was most likely meant by one that is not known.

use super::shown::{self, shown};

/// The valid name that `name` was most likely meant to be.
pub(crate) fn nearest<'a>(name: &str, valid: &[&'a str]) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    valid
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&name, candidate), *candidate))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// The message for an unknown key. Never shows what may be a secret in the place of a key.
pub(crate) fn unknown_key(name: &str, nearest: Option<&str>) -> String {
    suggest("unknown key", shown::key(name), nearest)
}

/// The message and the help for a value that is none of the `valid` ones. Never shows what may be a
/// secret.
pub(crate) fn unknown_value(value: &str, valid: &[&str]) -> (String, String) {
    // A URL with a password in it is no word, however short.
    let is_word = value.len() <= shown::LONGEST_WORD_BYTES && !value.contains(['@', ':', '?']);
    let value_shown = if is_word { shown(value) } else { shown::HIDDEN };
    let message = suggest("unknown value", value_shown, nearest(value, valid));
    (message, format!("valid: {}", valid.join(", ")))
}

fn suggest(what: &str, name: &str, nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("{what} `{name}`; did you mean `{nearest}`?"),
        None => format!("{what} `{name}`"),
    }
}
