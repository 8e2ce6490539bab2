//! JSON that was parsed and written again on its way, or written as a string once too often.

mod edits;
mod form;
mod numbers;
mod order;
mod respell;
mod spelling;
mod text;
mod tokens;

use super::Mistake;
use super::candidates::{Candidates, RAW};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::supposed::{Change, Concern, Supposed};
use text::{JAVASCRIPT, PHP, PYTHON, unescaped};
use tokens::{Document, Kind, Token};

pub(super) static RESERIALIZED: Mistake = Mistake {
    finding: Finding::BodyReserialized,
    concern: Concern::Body,
    undo: undo_reserialized,
    fix: fix_reserialized,
};

pub(super) static STRINGIFIED: Mistake = Mistake {
    finding: Finding::BodyStringified,
    concern: Concern::Body,
    undo: undo_stringified,
    fix: fix_stringified,
};

/// How many spellings of a body are tried, beside those of what was taken away from it.
const SPELLINGS: usize = 64;

/// The names under which events of clouds and queues have a body in them.
const WRAPPERS: [&str; 6] = ["body", "rawBody", "payload", "data", "message", "content"];

fn undo_reserialized(case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(&supposed.body, SPELLINGS);
    let (body, before) = (&supposed.body, &case.received.body);
    // Spellings have no blanks at their ends, so that those of the received body are the same.
    let is_known = body != before && body.trim_ascii() == before.trim_ascii();
    if candidates.is_full() || is_known {
        return Vec::new();
    }
    match Document::read(candidates.received()) {
        Some(document) => {
            form::undo_parsed(&document, &mut candidates);
            let samples = case.provider.samples.iter().map(|sample| sample.body);
            respell::undo(&document, samples, &mut candidates);
        }
        None => form::undo(&mut candidates),
    }
    candidates.into_changes()
}

fn undo_stringified(_: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(&supposed.body, 8);
    let body = candidates.received();
    let Ok(text) = std::str::from_utf8(body) else {
        return Vec::new();
    };
    if text.is_empty() || candidates.is_full() {
        return Vec::new();
    }
    let inner = inner_text(text);
    let innermost = inner.as_deref().and_then(inner_text);
    candidates.push_some(inner.map(String::into_bytes));
    candidates.push_some(innermost.map(String::into_bytes));
    candidates.push_some(wrapped_text(body).map(String::into_bytes));
    let once = JAVASCRIPT.quote(text);
    let twice = std::str::from_utf8(&once).map(|once| JAVASCRIPT.quote(once));
    candidates.push(once);
    candidates.push(PYTHON.quote(text));
    candidates.push(PHP.quote(text));
    candidates.push_some(twice.ok());
    candidates.into_changes()
}

/// What a text stands for that is a string of JSON, or what is between its quotes.
fn inner_text(text: &str) -> Option<String> {
    let only_string = |text: &str| {
        let document = Document::read(text.as_bytes())?;
        let first = document.tokens.first()?;
        (first.kind == Kind::Text)
            .then(|| unescaped(document.literal(*first)))
            .flatten()
    };
    only_string(text).or_else(|| {
        let is_unquoted = text.starts_with(['{', '[']) && text.contains("\\\"");
        only_string(&is_unquoted.then(|| format!("\"{text}\""))?)
    })
}

/// The JSON in a string that is the only member of an object, or has the name of a body.
fn wrapped_text(body: &[u8]) -> Option<String> {
    let document = Document::read(body)?;
    let tokens = &document.tokens;
    let (first, rest) = tokens.split_first()?;
    let is_alone = tokens.len() == 4;
    if first.kind != Kind::Object {
        return None;
    }
    rest.windows(2).find_map(|pair| {
        let [key, value] = pair else {
            return None;
        };
        let is_member = key.kind == Kind::Key && value.kind == Kind::Text;
        let is_named = || WRAPPERS.contains(&document.literal(*key));
        let inner = (is_member && (is_alone || is_named()))
            .then(|| unescaped(document.literal(*value)))??;
        inner.starts_with(['{', '[']).then_some(inner)
    })
}

fn fix_reserialized(_: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let what = differences(&before.body, &after.body);
    format!("The JSON was parsed and written again on its way: {what}. {RAW}")
}

/// What was changed when JSON was written again.
fn differences(received: &[u8], signed: &[u8]) -> String {
    let (Some(received), Some(signed)) = (Document::read(received), Document::read(signed)) else {
        return "it came as a form".to_owned();
    };
    let same = |kinds: &[Kind]| {
        let of = |document: &Document<'_>| {
            let tokens = document.tokens.iter();
            let some = tokens.filter(|token| kinds.contains(&token.kind));
            let mut literals: Vec<_> = some
                .map(|token| document.literal(*token).to_owned())
                .collect();
            literals.sort_unstable();
            literals
        };
        of(&received) == of(&signed)
    };
    let kinds = |document: &Document<'_>| -> Vec<Kind> {
        document.tokens.iter().map(|token| token.kind).collect()
    };
    if received.tokens.len() != signed.tokens.len() {
        return "a parser for forms cut it into names and values".to_owned();
    }
    let literals = |document: &Document<'_>, kind: Kind| -> Vec<String> {
        let tokens = document.tokens.iter().filter(|token| token.kind == kind);
        tokens
            .map(|token: &Token| document.literal(*token).to_owned())
            .collect()
    };
    let strings_are_same = same(&[Kind::Key, Kind::Text]);
    let mut changed = Vec::new();
    if strings_are_same
        && (kinds(&received) != kinds(&signed)
            || literals(&received, Kind::Key) != literals(&signed, Kind::Key))
    {
        changed.push("the order of the keys");
    }
    if !strings_are_same {
        changed.push("the escapes of strings");
    }
    if !same(&[Kind::Number]) {
        changed.push("how numbers are written");
    }
    if changed.is_empty() {
        changed.push("the blanks between its parts");
    }
    format!(
        "it differs from what was signed in {}",
        changed.join(" and in ")
    )
}

fn fix_stringified(_: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    if before.body.len() > after.body.len() {
        format!(
            "The body came as a string of JSON that has the signed JSON in it: what is JSON text already was \
             serialized once more. Take out the second `JSON.stringify` or `json.dumps`, or the envelope. {RAW}"
        )
    } else {
        "The signer serialized the body twice, as Twenty's published sample does, and sent it serialized once. \
         Twenty itself signs the bytes that it sends: sign the body's text as it is, without `JSON.stringify` \
         around it."
            .to_owned()
    }
}

#[cfg(test)]
mod tests;
