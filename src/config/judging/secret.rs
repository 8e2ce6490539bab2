//! Where secrets come from, and what a secret must not be.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::string::FromUtf8Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret, SecretString};
use zeroize::{Zeroize, Zeroizing};

use crate::config::finding::Findings;
use crate::config::reading::not_after::time_left;
use crate::config::reading::raw::RawSecret;
use crate::config::reading::spanned::Spanned;
use crate::config::settings::Secrets;
use crate::verify::{Secret, Timestamp};

const MAX_SECRETS: usize = 5;
const MAX_NAME_BYTES: usize = 64;
/// A larger file holds no secret.
const MAX_FILE_BYTES: u64 = 64 << 10;
/// Longer ids may be secrets: they are not repeated in messages, and masked in lines.
pub(crate) const LONGEST_SHOWN_ID_BYTES: usize = 24;
/// Shorter secrets are guessed, or mistyped.
const SHORTEST_USUAL_BYTES: usize = 16;
/// How long before its end a secret is warned of.
const SOON: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Why a secret cannot be used. Never holds any of its bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read the secret file: {source}")]
    Unreadable {
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is a directory, a pipe, a device, or larger than any secret.
    #[error("cannot read the secret file: it is no regular file of at most 64 KiB")]
    NotAFile,
    /// The environment variable is not set, or not text.
    #[error("the variable is not set to text")]
    NoVariable,
    /// There are no bytes.
    #[error("the secret is empty")]
    Empty,
    /// The bytes are not UTF-8.
    #[error("the secret is not UTF-8 text")]
    NotText,
    /// A carriage return at the end, as an editor on Windows leaves it.
    #[error("the secret ends with a carriage return; save the file with Unix line ends")]
    CarriageReturn,
}

/// Reads a secret from a regular file: a configuration is read again, and a pipe has its text once.
fn read_secret_of_configuration(path: &Path) -> Result<SecretString, SecretError> {
    let metadata = std::fs::metadata(path);
    let metadata = metadata.map_err(|source| SecretError::Unreadable { source })?;
    if !metadata.is_file() {
        return Err(SecretError::NotAFile);
    }
    read_secret_file(path)
}

/// Reads a secret from a file, which may be a pipe. One trailing line feed is not part of it.
///
/// # Errors
/// See [`SecretError`].
pub fn read_secret_file(path: &Path) -> Result<SecretString, SecretError> {
    let unreadable = |source| SecretError::Unreadable { source };
    let file = File::open(path).map_err(unreadable)?;
    // With room for all of it from the start: growing would leave parts of it behind.
    let room = MAX_FILE_BYTES.saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        usize::try_from(room).unwrap_or_default(),
    ));
    file.take(room)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|count| count > MAX_FILE_BYTES) {
        return Err(SecretError::NotAFile);
    }
    let mut bytes = std::mem::take(&mut *bytes);
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    let text = String::from_utf8(bytes).map_err(|error: FromUtf8Error| {
        error.into_bytes().zeroize();
        SecretError::NotText
    })?;
    sound(text)
}

/// Reads a secret from an environment variable, as it is.
fn read_secret_variable(name: &str) -> Result<SecretString, SecretError> {
    let value = std::env::var(name).map_err(|_| SecretError::NoVariable)?;
    sound(value)
}

/// Checks a secret wherever it came from.
fn sound(text: String) -> Result<SecretString, SecretError> {
    let text = Zeroizing::new(text);
    if text.is_empty() {
        Err(SecretError::Empty)
    } else if text.ends_with('\r') {
        Err(SecretError::CarriageReturn)
    } else {
        Ok(SecretString::from(text.as_str()))
    }
}

/// Whether a text is a name of 1 to 64 of these bytes.
pub(super) fn is_name(text: &str, is_allowed: impl Fn(u8) -> bool) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Reads `secrets = […]`: 1 to 5, each with an id of its own and one source.
pub(super) fn read_secrets(
    raw: Option<&Spanned<Vec<Spanned<RawSecret>>>>,
    table: &Range<usize>,
    mode: Secrets,
    findings: &mut Findings<'_>,
) -> Option<Vec<Secret>> {
    const KEY: &str = "route.verify.secrets";
    let Some(raw) = raw else {
        let message = "required, such as [{ id = \"2026-11\", file = \"/run/secrets/hubspot\" }]";
        findings.missing(table.clone(), KEY, message);
        return None;
    };
    if !(1..=MAX_SECRETS).contains(&raw.get_ref().len()) {
        findings.error(raw.span(), KEY, "expected 1 to 5 secrets");
    }
    let mut secrets: Vec<Secret> = Vec::new();
    let mut ids: Vec<&str> = Vec::new();
    for (number, entry) in (1..).zip(raw.get_ref()) {
        let Some(id) = &entry.get_ref().id else {
            findings.error(
                entry.span(),
                KEY,
                "a secret needs an `id`, such as \"2026-11\"",
            );
            continue;
        };
        let text = id.get_ref().as_str();
        // A long one may be the secret itself.
        let label = if text.len() > LONGEST_SHOWN_ID_BYTES {
            format!("secret {number}")
        } else {
            format!("secret `{text}`")
        };
        let is_sound = is_name(text, |byte| {
            byte.is_ascii_alphanumeric() || b"._-".contains(&byte)
        });
        if !is_sound {
            let message = "expected an `id` of 1 to 64 characters of A-Z a-z 0-9 . _ -";
            findings.error(id.span(), KEY, message);
        } else if ids.contains(&text) {
            findings.error(
                id.span(),
                KEY,
                "another secret of this route has the same id",
            );
        }
        ids.push(text);
        let not_after = entry.get_ref().not_after.as_ref();
        let not_after = not_after.map(|not_after| not_after.get_ref().0);
        if let Some(file) = &entry.get_ref().file {
            findings.names_file(file.get_ref());
        }
        match read_secret(entry.get_ref(), mode) {
            Ok(None) => {}
            Ok(Some(value)) => {
                let doubts = doubts(entry.get_ref(), &value);
                let secret = Secret {
                    id: Arc::from(text),
                    value,
                    not_after,
                };
                let end = doubt_of_end(&secret);
                for doubt in doubts.into_iter().chain(end) {
                    let message = format!("{label} {doubt}");
                    findings.warning(entry.span(), KEY, message);
                }
                secrets.push(secret);
            }
            Err(message) => findings.error(entry.span(), KEY, format!("{label}: {message}")),
        }
    }
    Some(secrets)
}

/// What makes a secret look wrong, without a byte of it.
fn doubts(raw: &RawSecret, value: &SecretString) -> Vec<String> {
    let value = value.expose_secret();
    let is_quote = |character: char| matches!(character, '"' | '\'' | '`');
    let mut doubts = Vec::new();
    if value.starts_with("pat-") {
        let doubt = "looks like an access token of HubSpot; expected the app's client secret";
        doubts.push(doubt.to_owned());
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
            // What is no path may be the secret itself.
            let is_path = ["/", "./", "../", "~"]
                .iter()
                .any(|start| file.starts_with(start));
            let named = if is_path { file } else { "of a relative path" };
            (
                read_secret_of_configuration(file.as_ref()),
                format!(" (file {named})"),
            )
        }
        (None, None, Some(variable)) => {
            let variable = variable.get_ref();
            let is_name = |byte: u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
            let source = if variable.len() <= MAX_NAME_BYTES && variable.bytes().all(is_name) {
                format!(" (environment variable {variable})")
            } else {
                " (`env` is the name of a variable, of A-Z 0-9 _)".to_owned()
            };
            (read_secret_variable(variable), source)
        }
        _ => return Err("expected exactly one of `value`, `file` and `env`".to_owned()),
    };
    read.map(Some).map_err(|error| format!("{error}{source}"))
}
