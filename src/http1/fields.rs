//! The header fields of a request, as they were sent: names in their spelling, lines in their order.
//!
//! They are kept in a list and not in a table, because a webhook has a dozen of them, and to look
//! through a dozen costs less than to build a table. What goes on to the app is written from the bytes
//! that came.

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

/// `tchar` of RFC 9110 section 5.6.2, of which names consist.
#[must_use]
pub fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES.get(usize::from(byte)) == Some(&true)
}

/// Which bytes are `tchar`: a look-up costs a fraction of the comparisons, for every byte of every name.
#[expect(clippy::indexing_slicing, reason = "it is evaluated by the compiler")]
static TOKEN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut tokens: &[u8] =
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&'*+-.^_`|~";
    while let [byte, rest @ ..] = tokens {
        table[*byte as usize] = true;
        tokens = rest;
    }
    table
};

/// Whether a field's name is this one, in any case.
#[must_use]
pub fn is(name: &[u8], expected: &str) -> bool {
    name.eq_ignore_ascii_case(expected.as_bytes())
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
}
