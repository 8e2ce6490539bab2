//! Names of header fields that an app could take for one another.
//!
//! CGI hands headers to programs as variables, with `_` for `-` (RFC 3875 section 4.1.18), and some
//! gateways write `_` for every character that is neither a letter nor a digit. So all of these count as
//! one and the same here. A name is like itself.

/// Names to compare the names of headers with.
///
/// Each header of each request is compared with each list, and nearly none is in one: the lengths of the
/// names are kept beside them, which tells most others from them at once.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    names: &'static [&'static str],
    /// A bit for each length that a name here has.
    lengths: u64,
}

impl Names {
    /// These names. None may be longer than 63 bytes.
    #[must_use]
    pub const fn new(names: &'static [&'static str]) -> Self {
        let mut lengths = 0;
        let mut rest = names;
        while let [name, others @ ..] = rest {
            lengths |= 1 << name.len();
            rest = others;
        }
        Self { names, lengths }
    }

    /// Whether a header of this name could be taken for one of these.
    #[must_use]
    pub fn has_like(self, name: &[u8]) -> bool {
        let has_length = name.len() < 64 && self.lengths >> name.len() & 1 == 1;
        has_length && self.names.iter().any(|listed| is_like(name, listed))
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        self.names.iter().copied()
    }
}

/// Whether an app could take a header of this name for `expected`.
#[must_use]
pub fn is_like(name: &[u8], expected: &str) -> bool {
    name.len() == expected.len() && begins_like(name, expected)
}

/// Whether a name begins like `expected`, as in [`is_like`].
#[must_use]
pub fn begins_like(name: &[u8], expected: &str) -> bool {
    // From the end: more names begin alike than have the same character there.
    name.get(..expected.len()).is_some_and(|beginning| {
        let mut pairs = beginning.iter().zip(expected.as_bytes()).rev();
        pairs.all(|(byte, expected)| are_alike(*byte, *expected))
    })
}

/// Whether some gateway makes two characters of a name equal.
const fn are_alike(byte: u8, other: u8) -> bool {
    byte.eq_ignore_ascii_case(&other)
        || !(byte.is_ascii_alphanumeric() || other.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_that_a_gateway_could_not_tell_apart() {
        for name in [
            "X-Request-Id",
            "x_request_ID",
            "X.Request-Id",
            "x~request^id",
            "X!Request'Id",
        ] {
            assert!(is_like(name.as_bytes(), "X-Request-Id"), "{name}");
        }
        for name in [
            "X-Request-Id2",
            "XRequestId",
            "X-Request--Id",
            "X-Request-I",
            "X-Request0Id",
        ] {
            assert!(!is_like(name.as_bytes(), "X-Request-Id"), "{name}");
        }
        assert!(begins_like(b"x.HOOKWARD_", "X-Hookward-"));
        assert!(!begins_like(b"x-hookward", "X-Hookward-"));
    }

    #[test]
    fn a_list_has_what_is_like_one_of_its_names() {
        const NAMES: Names = Names::new(&["TE", "Expect", "Content-Length"]);
        for listed in ["te", "TE", "expect", "content_length", "CONTENT.LENGTH"] {
            assert!(NAMES.has_like(listed.as_bytes()), "{listed}");
        }
        let long = "x".repeat(64 + "TE".len());
        for other in ["", "t", "xx", "expec7", "content-lengths", &long] {
            assert!(!NAMES.has_like(other.as_bytes()), "{other}");
        }
    }
}
