//! Where secrets come from, and what a secret must not be.

use std::path::Path;
use std::string::FromUtf8Error;

use secrecy::SecretString;
use zeroize::{Zeroize, Zeroizing};

/// Why a secret cannot be used. Never holds any of its bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read the secret file {file}: {source}")]
    Unreadable {
        /// The file's path.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The environment variable is not set, or not text.
    #[error("the environment variable {0} is not set to text")]
    NoVariable(String),
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

/// Reads a secret from a file. One trailing line feed is not part of it.
///
/// # Errors
/// See [`SecretError`].
pub fn read_secret_file(path: &Path) -> Result<SecretString, SecretError> {
    let mut bytes = std::fs::read(path).map_err(|source| SecretError::Unreadable {
        file: path.display().to_string(),
        source,
    })?;
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
pub(super) fn read_secret_variable(name: &str) -> Result<SecretString, SecretError> {
    let value = std::env::var(name).map_err(|_| SecretError::NoVariable(name.to_owned()))?;
    sound(value)
}

/// Checks a secret wherever it came from.
pub(super) fn sound(text: String) -> Result<SecretString, SecretError> {
    let text = Zeroizing::new(text);
    if text.is_empty() {
        Err(SecretError::Empty)
    } else if text.ends_with('\r') {
        Err(SecretError::CarriageReturn)
    } else {
        Ok(SecretString::from(text.as_str()))
    }
}
