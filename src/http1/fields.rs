//! The header fields of a request, as they were sent: names in their spelling, lines in their order.
//!
//! A webhook has a dozen of them. Looking through a dozen costs less than building a table of them,
//! and what goes on to the app is written from the very bytes that came.

/// One header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name, in any case.
    pub name: &'a [u8],
    /// The value, without the blanks around it.
    pub value: &'a [u8],
}

impl<'a> Field<'a> {
    /// A field of this name and value.
    #[must_use]
    pub const fn new(name: &'a str, value: &'a [u8]) -> Self {
        Self {
            name: name.as_bytes(),
            value,
        }
    }
}

/// The header fields of a request, in order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'a>(&'a [Field<'a>]);

impl<'a> Fields<'a> {
    /// The values of all lines of this name, in order. Names have no case (RFC 9110 section 5.1).
    pub fn all(self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let named = self.0.iter().filter(move |field| is(field.name, name));
        named.map(|field| field.value)
    }

    /// The first value of this name.
    #[must_use]
    pub fn first(self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// All lines.
    pub fn iter(self) -> impl Iterator<Item = &'a Field<'a>> {
        self.0.iter()
    }
}

impl<'a> From<&'a [Field<'a>]> for Fields<'a> {
    fn from(fields: &'a [Field<'a>]) -> Self {
        Self(fields)
    }
}

/// Whether a field's name is this one, in any case.
#[must_use]
pub fn is(name: &[u8], expected: &str) -> bool {
    name.eq_ignore_ascii_case(expected.as_bytes())
}

/// The same where `_` counts as `-`: CGI-like apps cannot tell the two apart. `expected` is in lower
/// case and has no `_`.
#[must_use]
pub fn is_like(name: &[u8], expected: &str) -> bool {
    name.len() == expected.len() && begins_like(name, expected)
}

/// Whether a name begins like `expected`, as in [`is_like`].
#[must_use]
pub fn begins_like(name: &[u8], expected: &str) -> bool {
    let alike = |(byte, expected): (&u8, u8)| {
        byte.to_ascii_lowercase() == expected || (*byte == b'_' && expected == b'-')
    };
    name.len() >= expected.len() && name.iter().zip(expected.bytes()).all(alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_lines_keep_their_order() {
        let lines = [
            Field::new("X-A", b"1"),
            Field::new("b", b"2"),
            Field::new("x-a", b"3"),
        ];
        let fields = Fields::from(&lines[..]);
        assert_eq!(fields.all("x-A").collect::<Vec<_>>(), [b"1", b"3"]);
        assert_eq!(fields.first("B"), Some(&b"2"[..]));
        assert_eq!(fields.first("x"), None);
    }

    #[test]
    fn an_underscore_is_like_a_hyphen() {
        assert!(is_like(b"X_Request-ID", "x-request-id"));
        assert!(!is_like(b"X_Request-ID2", "x-request-id"));
        assert!(begins_like(b"x_HOOKWARD-", "x-hookward-"));
        assert!(!begins_like(b"x-hookward", "x-hookward-"));
    }
}
