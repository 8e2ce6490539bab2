//! `X-Request-Id`, by which the log and the app speak of the same request.

use std::borrow::Cow;

use super::names::REQUEST_ID;
use crate::http1::fields::Fields;

/// The longest id that is kept.
const MAX_BYTES: usize = 128;

/// The request's id: its own if it has exactly one of 1 to 128 characters `A-Za-z0-9._-`, else
/// `fresh`.
#[must_use]
pub fn request_id<'a>(headers: Fields<'a>, fresh: impl FnOnce() -> String) -> Cow<'a, str> {
    let mut values = headers.all(REQUEST_ID);
    match (values.next(), values.next()) {
        (Some(value), None) if is_sound(value) => String::from_utf8_lossy(value),
        _ => fresh().into(),
    }
}

fn is_sound(value: &[u8]) -> bool {
    (1..=MAX_BYTES).contains(&value.len())
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::fields::Field;

    #[test]
    fn a_sound_request_id_is_kept() {
        let id = |values: &[&str]| {
            let values = values.iter();
            let lines: Vec<_> = values
                .map(|value| Field::new("x-request-id", value.as_bytes()))
                .collect();
            request_id(Fields::from(&*lines), || "fresh".to_owned()).into_owned()
        };
        assert_eq!(id(&["aZ0._-"]), "aZ0._-");
        assert_eq!(id(&[&"a".repeat(128)]), "a".repeat(128));
        for values in [
            &[][..],
            &[""],
            &["a b"],
            &["a", "a"],
            &["a/b"],
            &[&"a".repeat(129)],
        ] {
            assert_eq!(id(values), "fresh", "{values:?}");
        }
    }
}
