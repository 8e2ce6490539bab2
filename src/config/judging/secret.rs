//! Judges `secrets = […]`: how many, what they are called, and what a secret must not be.

use std::collections::HashSet;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};

use super::secret_source::{read_named_file, read_variable, sound};
use crate::config::finding::Findings;
use crate::config::reading::not_after::time_left;
use crate::config::reading::raw::RawSecret;
use crate::config::reading::spanned::Spanned;
use crate::config::settings::{Options, Secrets};
use crate::config::shown;
use crate::providers::Providers;
use crate::verify::{Secret, Timestamp};

const KEY: &str = "route.verify.secrets";

const MAX_SECRETS: usize = 5;
const MAX_NAME_BYTES: usize = 64;
/// Shorter secrets can be guessed, or are mistyped.
const SHORTEST_USUAL_BYTES: usize = 16;
/// How long before its end a secret is warned of.
const SOON: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What the secrets of a route are for.
#[derive(Clone, Copy)]
pub(super) struct Use {
    /// They are keys that senders put into a header.
    pub(super) in_header: bool,
    pub(super) options: Options,
}

/// Whether a text is a name: 1 to 64 bytes, all of them allowed.
pub(super) fn is_name(text: &str, is_allowed: impl Fn(u8) -> bool) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Reads `secrets = […]`: 1 to 5, each with an id of its own and one source.
pub(super) fn read_secrets(
    raw: Option<&Spanned<Vec<Spanned<RawSecret>>>>,
    table: &Range<usize>,
    used: Use,
    findings: &mut Findings<'_>,
) -> Option<Vec<Secret>> {
    let Some(raw) = raw else {
        let message = "required, such as [{ id = \"2026-11\", file = \"/run/secrets/hubspot\" }]";
        findings.missing(table.clone(), KEY, message);
        return None;
    };
    if !(1..=MAX_SECRETS).contains(&raw.get_ref().len()) {
        findings.error(raw.span(), KEY, "expected 1 to 5 secrets");
    }
    let mut secrets: Vec<Secret> = Vec::new();
    let mut ids: HashSet<&str> = HashSet::new();
    for (number, entry) in (1..).zip(raw.get_ref()) {
        let Some(id) = &entry.get_ref().id else {
            let message = "a secret needs an `id`, such as \"2026-11\"";
            findings.error(entry.span(), KEY, message);
            continue;
        };
        let text = id.get_ref().as_str();
        let is_sound = is_name(text, |byte| {
            byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
        });
        if !is_sound {
            let message = "expected an `id` of 1 to 64 characters of A-Z a-z 0-9 . _ -";
            findings.error(id.span(), KEY, message);
        } else if ids.contains(text) {
            let message = "another secret of this route has the same id";
            findings.error(id.span(), KEY, message);
        }
        ids.insert(text);
        secrets.extend(judge_entry(entry, &label(text, number), used, findings));
    }
    Some(secrets)
}

/// What a secret is called in messages. A long id may be the secret itself.
fn label(id: &str, number: usize) -> String {
    if id.len() > shown::LONGEST_ID_BYTES || shown::looks_like_secret(id) {
        format!("secret {number}")
    } else {
        format!("secret `{id}`")
    }
}

/// Reads one secret and notes what is doubtful about it; `None` where it cannot be used, or is not read.
fn judge_entry(
    entry: &Spanned<RawSecret>,
    label: &str,
    used: Use,
    findings: &mut Findings<'_>,
) -> Option<Secret> {
    let raw = entry.get_ref();
    if let Some(file) = &raw.file {
        findings.names_file(file.get_ref());
    }
    let value = match read_secret(raw, used.options.secrets) {
        Ok(value) => value?,
        Err(message) => {
            findings.error(entry.span(), KEY, format!("{label}: {message}"));
            return None;
        }
    };
    findings.knows_secret(&value);
    let id = raw.id.as_ref();
    if let Some(id) = id.filter(|id| id.get_ref().contains(value.expose_secret())) {
        let message = "the `id` contains the secret itself, and is shown in logs and metrics; give it \
                       another, such as \"2026-11\"";
        findings.error(id.span(), KEY, message);
        return None;
    }
    if used.in_header
        && let Err(message) = fits_header(value.expose_secret())
    {
        findings.error(entry.span(), KEY, format!("{label}: {message}"));
        return None;
    }
    let doubts = doubts(raw, &value, used.options.providers);
    let secret = Secret {
        id: Arc::from(raw.id.as_ref()?.get_ref().as_str()),
        value,
        not_after: raw.not_after.as_ref().map(|time| time.get_ref().0),
    };
    for doubt in doubts.into_iter().chain(doubt_of_end(&secret)) {
        findings.warning(entry.span(), KEY, format!("{label} {doubt}"));
    }
    Some(secret)
}

/// Whether a key can be the value of a header (RFC 9110 section 5.5): recipients take blanks off both
/// ends, and control characters are not allowed.
fn fits_header(key: &str) -> Result<(), &'static str> {
    if key.trim_matches([' ', '\t']) != key {
        return Err(
            "no header can carry this key: it begins or ends with a blank, which is no part of a \
             header's value",
        );
    }
    let is_control = |byte: u8| byte.is_ascii_control() && byte != b'\t';
    if key.bytes().any(is_control) {
        return Err(
            "no header can carry this key: it has a line break or another control character",
        );
    }
    Ok(())
}

/// What makes a secret look wrong, without quoting any of it.
fn doubts(raw: &RawSecret, value: &SecretString, providers: Providers) -> Vec<String> {
    let value = value.expose_secret();
    let is_quote = |character: char| matches!(character, '"' | '\'' | '`');
    let mut doubts = Vec::new();
    let mistaken = providers
        .iter()
        .flat_map(|provider| provider.known.mistaken_secrets);
    for mistaken in mistaken.filter(|mistaken| mistaken.is_like(value)) {
        doubts.push(format!("looks like {}", mistaken.what));
    }
    if value.trim() != value {
        let doubt = "begins or ends with blanks, which are taken as part of it";
        doubts.push(doubt.to_owned());
    }
    if value.len() > 1 && value.starts_with(is_quote) && value.ends_with(is_quote) {
        doubts.push("stands in quotes, which are taken as part of it".to_owned());
    }
    if value.starts_with("${") || (value.starts_with('$') && raw.value.is_some()) {
        let doubt = "begins with `$`: nothing is expanded here; use `env = \"NAME\"`";
        doubts.push(doubt.to_owned());
    }
    if value.len() < SHORTEST_USUAL_BYTES {
        doubts.push("has fewer than 16 bytes; the providers' own are longer".to_owned());
    }
    if let Some(mode) = raw
        .file
        .as_ref()
        .and_then(|file| open_to_others(file.get_ref()))
    {
        let doubt = format!("is in a file that others than its owner may use (mode {mode:o})");
        doubts.push(doubt);
    }
    doubts
}

/// The permissions of a file, if they go beyond its owner's.
fn open_to_others(file: &str) -> Option<u32> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

fn doubt_of_end(secret: &Secret) -> Option<String> {
    let now = Timestamp::from(SystemTime::now());
    let left = secret.not_after?.millis_since(now);
    let is_soon = left < i64::try_from(SOON.as_millis()).unwrap_or(i64::MAX);
    time_left(secret, now).filter(|_| is_soon)
}

fn read_secret(raw: &RawSecret, mode: Secrets) -> Result<Option<SecretString>, String> {
    let (read, source) = match (&raw.value, &raw.file, &raw.env) {
        (Some(value), None, None) => {
            let value = value.get_ref().expose_secret().to_owned();
            (sound(value), String::new())
        }
        (None, Some(_), None) | (None, None, Some(_)) if mode == Secrets::Skip => return Ok(None),
        (None, Some(file), None) => {
            let file = file.get_ref();
            let named = if shown::is_path(file) {
                file
            } else {
                "of a relative path"
            };
            (read_named_file(file.as_ref()), format!(" (file {named})"))
        }
        (None, None, Some(variable)) => {
            let variable = variable.get_ref();
            let source = if shown::is_variable(variable) {
                format!(" (environment variable {variable})")
            } else {
                " (`env` is the name of a variable, of A-Z 0-9 _)".to_owned()
            };
            (read_variable(variable), source)
        }
        _ => return Err("expected exactly one of `value`, `file` and `env`".to_owned()),
    };
    read.map(Some).map_err(|error| format!("{error}{source}"))
}
