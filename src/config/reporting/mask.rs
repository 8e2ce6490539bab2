//! A configuration file without what may be a secret in it.
//!
//! Masked are the values of secrets, wherever they stand, and the URL of a store, which can have a password in
//! it; what stands under an unknown key, which may be
//! the misspelt name of a secret's; comments, because an old secret is often left in one; and what has the
//! look of a token. Everything else is shown, or the reader could not see the mistake.
//!
//! Every byte keeps its place, so that places in the file are places in what is shown.

use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mask_lines::{mask_of, masked_by_lines};
use crate::config::reading::schema::Keys;
use crate::config::shown;

/// The keys of `[route.verify]` whose values are words and durations. Such a value is shown up to
/// [`LONGEST_SHORT_VALUE_BYTES`]; a secret that was pasted in its place is longer.
const SHORT_VALUES: [&str; 7] = [
    "scheme",
    "versions",
    "sender",
    "body_start",
    "max_age",
    "max_skew",
    "on_replay",
];
const LONGEST_SHORT_VALUE_BYTES: usize = 12;

/// Keys whose value is a secret, or has one in it.
const NEVER_SHOWN: [&str; 3] = ["route.verify.secrets.value", "replay.url", "spool.url"];

/// The key whose values are texts or tables. A text in the place of another table may be a secret.
const TEXT_OR_TABLE: &str = "server.listen";

/// No `not_after` is longer than this.
const LONGEST_TIME_BYTES: usize = 35;

/// The text without what may be a secret; `secrets` are those that were read from elsewhere.
pub(super) fn masked(text: &str, secrets: HashSet<&str>) -> String {
    let (document, errors) = DeTable::parse_recoverable(text);
    let keys = Keys::of_file();
    let mut secrets = secrets;
    collect_secrets(document.get_ref(), &mut secrets);
    if !errors.is_empty() {
        return masked_by_lines(text, &keys, &secrets);
    }
    let mut walk = Walk {
        keys,
        secrets,
        seen: Vec::new(),
        hidden: Vec::new(),
    };
    walk.table(document.get_ref(), Some(""));
    let Walk {
        mut seen,
        mut hidden,
        ..
    } = walk;
    hidden.extend(comments(text, &mut seen));
    apply(text, hidden)
}

/// Every text under a key `value`.
fn collect_secrets<'a>(table: &'a DeTable<'_>, secrets: &mut HashSet<&'a str>) {
    for (key, value) in table {
        if let (true, Some(text)) = (key.get_ref() == "value", value.get_ref().as_str()) {
            secrets.insert(text);
        }
        collect_in(value, secrets);
    }
}

fn collect_in<'a>(value: &'a Spanned<DeValue<'_>>, secrets: &mut HashSet<&'a str>) {
    match value.get_ref() {
        DeValue::Table(table) => collect_secrets(table, secrets),
        DeValue::Array(elements) => {
            for element in elements.iter() {
                collect_in(element, secrets);
            }
        }
        _ => {}
    }
}

/// A walk through the document.
struct Walk<'a> {
    keys: Keys,
    secrets: HashSet<&'a str>,
    /// Where keys and values stand.
    seen: Vec<Range<usize>>,
    /// What of them is not shown.
    hidden: Vec<Range<usize>>,
}

impl Walk<'_> {
    /// `home` is the dotted name of the table, where it is one of ours.
    fn table(&mut self, table: &DeTable<'_>, home: Option<&str>) {
        for (key, value) in table {
            self.seen.push(key.span());
            let name = key.get_ref();
            let is_ours = home.is_some_and(|home| self.keys.has(home, name));
            // A key that belongs in another table is treated as it would be there.
            let home = home.filter(|_| is_ours).or(self.keys.home_of(name));
            if home.is_none() && (shown::key(name) == shown::HIDDEN || self.is_secret(name)) {
                self.hidden.push(key.span());
            }
            let dotted = home.map(|home| match home {
                "" => name.to_string(),
                home => format!("{home}.{name}"),
            });
            self.value(value, dotted.as_deref());
        }
    }

    /// `key` is the dotted key, where it is one of ours.
    fn value(&mut self, value: &Spanned<DeValue<'_>>, key: Option<&str>) {
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, key.filter(|key| self.keys.is_table(key))),
            DeValue::Array(elements) => {
                for element in elements.iter() {
                    self.value(element, key);
                }
            }
            scalar => {
                self.seen.push(value.span());
                let length = value.span().len();
                let text = scalar.as_str();
                if !key.is_some_and(|key| self.may_be_shown(key, text, length)) {
                    self.hidden.push(value.span());
                }
            }
        }
    }

    /// Whether the value of one of our keys may be shown: a text, or something else of `length` bytes.
    fn may_be_shown(&self, key: &str, text: Option<&str>, length: usize) -> bool {
        let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
        let is_table = self.keys.is_table(key) && key != TEXT_OR_TABLE;
        if is_table || NEVER_SHOWN.contains(&key) {
            return false;
        }
        let Some(text) = text else {
            return table != "route.verify" || length <= LONGEST_SHORT_VALUE_BYTES;
        };
        let fits = match (table, name) {
            ("route.verify.secrets", "id") => text.len() <= shown::LONGEST_ID_BYTES,
            // Not the key itself, pasted here.
            ("route.verify.secrets", "file")
            | ("server.tls.certificates", "key")
            | ("spool", "credentials") => shown::is_path(text),
            ("route.verify.secrets", "env") => shown::is_variable(text),
            ("route.verify.secrets", _) => {
                let is_of_time = |byte: u8| byte.is_ascii_digit() || b"-:.+TZ ".contains(&byte);
                text.len() <= LONGEST_TIME_BYTES && text.bytes().all(is_of_time)
            }
            ("route.verify", name) if SHORT_VALUES.contains(&name) => {
                text.len() <= LONGEST_SHORT_VALUE_BYTES
            }
            _ => true,
        };
        fits && !self.is_secret(text)
            && !text.contains('@')
            && !shown::may_be_store_url(text)
            && !shown::looks_like_secret(text)
    }

    /// Whether a text is a known secret, or one of its words is, as in a URL.
    fn is_secret(&self, text: &str) -> bool {
        let mut words = text.split(['/', '?', '&', '=', ':', ',', ' ']);
        self.secrets.contains(text) || words.any(|word| self.secrets.contains(word))
    }
}

/// The comments: what follows a `#` outside of keys and values.
fn comments(text: &str, seen: &mut [Range<usize>]) -> Vec<Range<usize>> {
    seen.sort_by_key(|span| span.start);
    let mut comments = Vec::new();
    let mut at = 0_usize;
    let mut spans = seen.iter().peekable();
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('#')) {
        let hash = at.saturating_add(found);
        while spans.next_if(|span| span.end <= hash).is_some() {}
        let within = spans.peek().filter(|span| span.start <= hash);
        at = match within {
            Some(span) => span.end,
            None => {
                let rest = text.get(hash..).unwrap_or_default();
                let end = hash.saturating_add(rest.find('\n').unwrap_or(rest.len()));
                comments.push(hash.saturating_add(1)..end);
                end
            }
        };
    }
    comments
}

/// The text with every character of `hidden` masked, but for quotes around it and line ends.
fn apply(text: &str, mut hidden: Vec<Range<usize>>) -> String {
    hidden.sort_by_key(|span| span.start);
    let mut masked = String::with_capacity(text.len());
    let mut at = 0_usize;
    for span in hidden {
        let start = span.start.max(at);
        let (Some(before), Some(inside)) = (text.get(at..start), text.get(start..span.end)) else {
            continue;
        };
        masked.push_str(before);
        let quote = inside.chars().next().filter(|first| "\"'".contains(*first));
        let unquoted = quote.map_or(inside, |quote| inside.trim_start_matches(quote));
        let opening = inside.len().saturating_sub(unquoted.len());
        let bare = quote.map_or(unquoted, |quote| unquoted.trim_end_matches(quote));
        let closing = opening.saturating_add(bare.len());
        masked.push_str(inside.get(..opening).unwrap_or_default());
        masked.extend(bare.chars().map(mask_of));
        masked.push_str(inside.get(closing..).unwrap_or_default());
        at = span.end;
    }
    masked.push_str(text.get(at..).unwrap_or_default());
    masked
}
