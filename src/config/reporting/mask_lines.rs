//! A file that is not valid TOML, without what may be a secret in it.
//!
//! Where values begin and end is not certain there, so it is judged line by line: a line is shown as it
//! is if it begins with a key whose value is never a secret; of any other the structure is shown.

use std::collections::HashSet;

use crate::config::reading::schema::Keys;
use crate::config::shown;

/// Keys whose value is a secret, or holds some.
const OF_SECRETS: [&str; 5] = ["value", "secrets", "verify", "url", "credentials"];

pub(super) fn masked_by_lines(text: &str, keys: &Keys, secrets: &HashSet<&str>) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut is_in_long_text = false;
    for line in text.split_inclusive('\n') {
        // A text over several lines may be a secret, whatever its lines look like.
        is_in_long_text |= line.contains("\"\"\"") || line.contains("'''");
        if is_in_long_text {
            masked.extend(line.chars().map(mask_of));
        } else {
            push_line(line, keys, secrets, &mut masked);
        }
    }
    masked
}

fn push_line(line: &str, keys: &Keys, secrets: &HashSet<&str>, masked: &mut String) {
    let comment = line.find('#').unwrap_or(line.len());
    let (content, comment) = line.split_at_checked(comment).unwrap_or((line, ""));
    let key = content.split(['=', ':']).next().unwrap_or_default().trim();
    let is_open = keys.home_of(key).is_some()
        && !OF_SECRETS.contains(&key)
        && !mentions_secret(content, secrets);
    if is_open || is_header(content.trim(), keys) {
        masked.push_str(content);
    } else {
        push_structure(content, keys, masked);
    }
    masked.extend(comment.chars().map(mask_of));
}

/// Whether a line mentions a secret, or contains a known one or something that looks like one.
fn mentions_secret(line: &str, secrets: &HashSet<&str>) -> bool {
    let signs = ["secret", "value", "@"];
    let mut words = line.split(|character| "\"' ,=[]{}/?&".contains(character));
    signs.iter().any(|sign| line.contains(sign))
        || shown::looks_like_secret(line)
        || shown::may_be_store_url(line)
        || words.any(|word| word == "url" || secrets.contains(word))
}

/// Whether a line is the header of a table that exists.
fn is_header(line: &str, keys: &Keys) -> bool {
    let name = line.trim_start_matches('[').trim_end_matches(']');
    let is_in_brackets = line.starts_with('[') && line.ends_with(']');
    is_in_brackets
        && name
            .split('.')
            .all(|part| keys.home_of(part.trim()).is_some())
}

/// Our keys before a `=`, and the punctuation outside of quotes.
fn push_structure(content: &str, keys: &Keys, masked: &mut String) {
    let is_of_word =
        |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    let mut rest = content;
    let mut quote = None;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|character| !is_of_word(character));
        let (word, after) = rest
            .split_at_checked(word.unwrap_or(rest.len()))
            .unwrap_or((rest, ""));
        if word.is_empty() {
            let is_inside = quote.is_some_and(|quote| quote != first);
            if matches!(first, '"' | '\'') && !is_inside {
                quote = if quote.is_some() { None } else { Some(first) };
            }
            let is_kept = !is_inside && "[]{}=,\"' \t\r\n".contains(first);
            masked.push(if is_kept { first } else { mask_of(first) });
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        let is_key = after.trim_start().starts_with('=') && keys.home_of(word).is_some();
        if quote.is_none() && is_key {
            masked.push_str(word);
        } else {
            masked.extend(word.chars().map(mask_of));
        }
        rest = after;
    }
}

/// A character in the place of another, as long as it in bytes.
pub(super) fn mask_of(character: char) -> char {
    match character {
        '\n' | '\r' => character,
        _ => match character.len_utf8() {
            1 => '*',
            2 => '·',
            3 => '•',
            _ => '𝅘',
        },
    }
}
