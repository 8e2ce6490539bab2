//! Where a secret's text comes from: a file, an environment variable, or the configuration itself.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::string::FromUtf8Error;

use secrecy::SecretString;
use zeroize::{Zeroize, Zeroizing};

/// A larger file holds no secret.
const MAX_FILE_BYTES: u64 = 64 << 10;

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
    /// A byte-order mark at the beginning, as an editor on Windows leaves it.
    #[error("the secret begins with a byte-order mark; save the file as UTF-8 without one")]
    ByteOrderMark,
    /// A carriage return at the end, as an editor on Windows leaves it.
    #[error("the secret ends with a carriage return; save the file with Unix line ends")]
    CarriageReturn,
}

/// Reads a secret from a regular file: it is read again at every reload, and a pipe can be read only once.
pub(super) fn read_named_file(path: &Path) -> Result<SecretString, SecretError> {
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
    // Reserved in full at the start: growing would leave copies of parts of it behind.
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
pub(super) fn read_variable(name: &str) -> Result<SecretString, SecretError> {
    let value = std::env::var(name).map_err(|_| SecretError::NoVariable)?;
    sound(value)
}

/// Checks a secret wherever it came from.
pub(super) fn sound(text: String) -> Result<SecretString, SecretError> {
    let text = Zeroizing::new(text);
    if text.is_empty() {
        Err(SecretError::Empty)
    } else if text.starts_with('\u{feff}') {
        Err(SecretError::ByteOrderMark)
    } else if text.ends_with('\r') {
        Err(SecretError::CarriageReturn)
    } else {
        Ok(SecretString::from(text.as_str()))
    }
}
