//! Where a signed URL ends and the body begins.
//!
//! HubSpot puts nothing between the URL and the body that it signs, so the bytes at the end of one may be
//! moved to the beginning of the other and the signature still matches. Where a body begins with a byte
//! that no signed URL can have, there is one way alone to split the two.

/// What a body may begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyStart {
    /// Anything.
    #[default]
    Any,
    /// A byte that a signed URL cannot have, as JSON's objects, lists and texts do. An empty body passes.
    Json,
}

impl BodyStart {
    /// Whether a body may begin with this byte.
    #[must_use]
    pub fn allows(self, first: u8) -> bool {
        match self {
            Self::Any => true,
            Self::Json => !can_be_in_signed_url(first),
        }
    }
}

/// Whether a target that passed [`crate::http1::target::Target::check_signed`] can have this byte.
fn can_be_in_signed_url(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"<>#[{".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::target::Target;

    #[test]
    fn no_byte_of_a_signed_url_begins_a_body() {
        for byte in 0..=u8::MAX {
            let in_query = [b"/x?a", &[byte][..]].concat();
            let passes = |raw: &[u8]| {
                let target = Target::parse(raw).unwrap();
                target.check().is_ok() && target.check_signed().is_ok()
            };
            if passes(&in_query) {
                assert!(!BodyStart::Json.allows(byte), "{byte}");
            }
            assert!(BodyStart::Any.allows(byte));
        }
        for first in *b"{[\"< \n" {
            assert!(BodyStart::Json.allows(first), "{first}");
        }
    }
}
