//! A secret as verification needs it: its bytes, its name, and until when it matches.

use std::sync::Arc;

use secrecy::SecretString;

use super::timestamp::Timestamp;

/// A secret or API key and the name under which operators know it.
#[derive(Clone, Debug)]
pub struct Secret {
    /// The name in metrics, logs and `X-Hookward-Secret`.
    pub id: Arc<str>,
    /// The secret; its bytes as UTF-8 are the key.
    pub value: SecretString,
    /// The last time at which it matches; for ever where there is none.
    pub not_after: Option<Timestamp>,
}

/// Whether a secret that ends at `not_after` matches at `now`.
pub(super) fn is_valid(not_after: Option<Timestamp>, now: Timestamp) -> bool {
    not_after.is_none_or(|not_after| now <= not_after)
}
