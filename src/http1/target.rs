//! The request target: split, and checked for what two servers could read differently.
//!
//! HubSpot signs method, URL and body without separators, and apps normalise paths in different
//! ways. So a target that could mean two things is refused before anything is looked up or hashed.
//!
//! RFC 3986 allows fewer bytes than senders send: the URL serialiser of browsers (WHATWG) and axios leave
//! `{ } | ^ [ ]` and backticks as they are, and in a query a `\` and a `%` that begins no escape.
//! Those pass, because servers agree about them. What has no place in a target is refused: `"`, `<`, `>`,
//! `#`, blanks, control bytes and bytes above `~` anywhere; and in a path a `\`, which some servers take
//! for `/`, and a `%` without two hex digits, which some decode in a way of their own.

/// An origin-form request target (RFC 9112 section 3.2.1), as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    raw: &'a [u8],
    path: &'a [u8],
    query: Option<&'a [u8]>,
}

/// What is wrong with a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It does not start with `/`: absolute-form, asterisk-form or authority-form.
    #[error("the target is not in origin form")]
    NotOriginForm,
    /// A byte that has no place in a target, or in a path, or `%` without two hex digits in a path.
    #[error("the target has a byte, or in its path a `%`, that no target may have")]
    Bytes,
    /// A segment of one or two dots, raw or escaped.
    #[error("the path has a dot segment")]
    DotSegment,
    /// `%2F`, `%5C` or `%3F` in a path, or `[` or `{` anywhere, where the URL is signed.
    #[error(
        "the target has what a signed URL may not have: `%2F`, `%5C` or `%3F` in its path, or `[` or `{{`"
    )]
    Unsignable,
}

impl<'a> Target<'a> {
    /// Splits a target. Only its form is checked here; see [`Self::check`].
    ///
    /// # Errors
    /// [`TargetError::NotOriginForm`].
    pub fn parse(raw: &'a [u8]) -> Result<Self, TargetError> {
        if raw.first() != Some(&b'/') {
            return Err(TargetError::NotOriginForm);
        }
        let mut halves = raw.splitn(2, |byte| *byte == b'?');
        Ok(Self {
            raw,
            path: halves.next().unwrap_or_default(),
            query: halves.next(),
        })
    }

    /// The whole target, byte for byte.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The path, up to `?`.
    #[must_use]
    pub fn path(&self) -> &'a [u8] {
        self.path
    }

    /// The query, after `?`.
    #[must_use]
    pub fn query(&self) -> Option<&'a [u8]> {
        self.query
    }

    /// The target from byte `start` on, where that is within the path.
    #[must_use]
    pub fn after(&self, start: usize) -> &'a [u8] {
        self.raw.get(start..).unwrap_or_default()
    }

    /// Checks what no target may have.
    ///
    /// # Errors
    /// [`TargetError::Bytes`] or [`TargetError::DotSegment`].
    pub fn check(&self) -> Result<(), TargetError> {
        if !has_sound_bytes(self.raw) {
            return Err(TargetError::Bytes);
        }
        if segments(self.path).any(is_dot_segment) {
            return Err(TargetError::DotSegment);
        }
        Ok(())
    }

    /// Checks what the target of a signed URL may not have besides: escapes that servers decode
    /// into separators, and the bytes with which JSON that was cut off a body could end the URL.
    ///
    /// # Errors
    /// [`TargetError::Unsignable`].
    pub fn check_signed(&self) -> Result<(), TargetError> {
        let is_separator = |three: &[u8]| {
            matches!(
                three,
                [b'%', b'2', b'F' | b'f'] | [b'%', b'5', b'C' | b'c'] | [b'%', b'3', b'F' | b'f']
            )
        };
        let has_json = memchr::memchr2(b'[', b'{', self.raw).is_some();
        if has_json || self.path.windows(3).any(is_separator) {
            return Err(TargetError::Unsignable);
        }
        Ok(())
    }
}

/// Whether a target in origin form has only bytes that may be where they are; see the top of this file.
fn has_sound_bytes(raw: &[u8]) -> bool {
    let end = memchr::memchr(b'?', raw).unwrap_or(raw.len());
    let (path, query) = raw.split_at_checked(end).unwrap_or_default();
    let mut rest = path;
    while let Some((first, tail)) = rest.split_first() {
        rest = match first {
            b'%' => match tail.split_first_chunk::<2>() {
                Some((digits, after)) if digits.iter().all(u8::is_ascii_hexdigit) => after,
                _ => return false,
            },
            b'\\' => return false,
            byte if is_target_byte(*byte) => tail,
            _ => return false,
        };
    }
    query.iter().copied().all(is_target_byte)
}

/// Visible ASCII but `"`, `#`, `<` and `>`.
const fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'#' | b'<' | b'>')
}

/// The pieces of a path between `/`, `;` and the escapes of `/`, `\` and `;`: wherever some server
/// would see a segment end.
fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let current = rest?;
        let mut index = 0_usize;
        while let Some(tail) = current.get(index..).filter(|tail| !tail.is_empty()) {
            let separator = match tail {
                [b'/' | b';', ..] => 1,
                [b'%', b'2', b'F' | b'f', ..]
                | [b'%', b'3', b'B' | b'b', ..]
                | [b'%', b'5', b'C' | b'c', ..] => 3,
                _ => 0,
            };
            if separator > 0 {
                rest = current.get(index.saturating_add(separator)..);
                return current.get(..index);
            }
            index = index.saturating_add(1);
        }
        rest = None;
        Some(current)
    })
}

/// Whether a segment is `.` or `..`, each dot raw or as `%2E`.
fn is_dot_segment(segment: &[u8]) -> bool {
    let mut dots = 0_u8;
    let mut rest = segment;
    while !rest.is_empty() {
        rest = match rest {
            [b'.', tail @ ..] | [b'%', b'2', b'E' | b'e', tail @ ..] => tail,
            _ => return false,
        };
        dots = dots.saturating_add(1);
    }
    matches!(dots, 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str) -> Result<(), TargetError> {
        Target::parse(raw.as_bytes()).and_then(|target| target.check())
    }

    #[test]
    fn dot_segments_are_refused_however_they_are_written() {
        for raw in [
            "/.",
            "/..",
            "/../x",
            "/x/.",
            "/x/./y",
            "/x/../y",
            "/%2e",
            "/%2E%2e/x",
            "/.%2e",
            "/x/..;/y",
            "/x;../y",
            "/x/..;a=b",
            "/x%2f..%2Fy",
            "/x%2F..",
            "/x%5c..",
            "/..%5Cx",
            "/;.",
            "/x/%2e;",
            "/x/..%3by",
        ] {
            assert_eq!(check(raw), Err(TargetError::DotSegment), "{raw}");
        }
    }

    #[test]
    fn dots_elsewhere_pass() {
        for raw in [
            "/",
            "//",
            "/...",
            "/.well-known/x",
            "/x..",
            "/..x",
            "/a.b",
            "/x?y=/../",
            "/x?..",
            "/%2e%2e%2e",
            "/x;a=b",
            "/[x]?y=[1]",
            "/x?a=%2F..%2F",
        ] {
            assert_eq!(check(raw), Ok(()), "{raw}");
        }
    }

    #[test]
    fn bytes_without_a_place_are_refused() {
        for raw in [
            "/a\"b",
            "/a<b",
            "/a>b",
            "/a\\b",
            "/a#b",
            "/é",
            "/a%",
            "/a%4",
            "/a%4g",
            "/%zz?a",
            "/x?\"",
            "/x?<",
            "/x?a>",
            "/x?a#b",
            "/x?é",
            "/x?a\u{7f}",
            "/a\u{7f}",
            "/a\tb",
            "/a b",
            "/x?a b",
            "/x?\0",
        ] {
            assert_eq!(check(raw), Err(TargetError::Bytes), "{raw}");
        }
    }

    #[test]
    fn what_browsers_and_axios_leave_as_it_is_passes() {
        for raw in [
            "/{a}|b^c`d[e]",
            "/a?{b}|c^d`e[f]",
            "/a?b=\\c",
            "/a?b=%",
            "/a?b=100%&c=%4&d=%zz",
            "/a?%",
            "/a?b?c/d",
        ] {
            assert_eq!(check(raw), Ok(()), "{raw}");
        }
    }

    #[test]
    fn signed_urls_have_no_escaped_separators_in_the_path_and_no_beginning_of_json() {
        let check = |raw: &'static str| Target::parse(raw.as_bytes()).unwrap().check_signed();
        for raw in [
            "/a%2Fb", "/a%2fb", "/a%5Cb", "/a%5cb", "/a%3fb", "/a%3Fb", "/a[b", "/a?b=[", "/a{b",
            "/a?b={",
        ] {
            assert_eq!(check(raw), Err(TargetError::Unsignable), "{raw}");
        }
        for raw in [
            "/a?b=%2F%5C%3F",
            "/a]",
            "/a%40b",
            "/a%252Fb",
            "/a}|^`",
            "/a?b=}|^`\\%",
        ] {
            assert_eq!(check(raw), Ok(()), "{raw}");
        }
    }

    #[test]
    fn only_origin_form_is_a_target() {
        for raw in ["", "*", "http://a/b", "a.example:443", "?x"] {
            assert_eq!(
                Target::parse(raw.as_bytes()),
                Err(TargetError::NotOriginForm),
                "{raw}"
            );
        }
        let target = Target::parse(b"/a?b?c").unwrap();
        assert_eq!(
            (target.path(), target.query()),
            (&b"/a"[..], Some(&b"b?c"[..]))
        );
        assert_eq!(Target::parse(b"/a?").unwrap().query(), Some(&b""[..]));
    }
}
