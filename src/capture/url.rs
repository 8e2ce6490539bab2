//! URLs as browsers and `curl` call them.

/// A URL, in the parts that a request is made of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url<'a> {
    scheme: &'static str,
    default_port: &'static str,
    /// User and password, as they are written.
    pub(super) user: Option<&'a [u8]>,
    authority: &'a str,
    /// Path and query.
    pub(super) target: Vec<u8>,
}

impl<'a> Url<'a> {
    /// Takes a URL apart, if it is one of `http` or `https`.
    pub(super) fn split(url: &'a [u8]) -> Option<Self> {
        let schemes = [("https://", "https", ":443"), ("http://", "http", ":80")];
        let (rest, scheme, default_port) = schemes.iter().find_map(|(start, scheme, port)| {
            let (begin, rest) = url.split_at_checked(start.len())?;
            begin
                .eq_ignore_ascii_case(start.as_bytes())
                .then_some((rest, *scheme, *port))
        })?;
        let is_end = |byte: &u8| matches!(byte, b'/' | b'?' | b'#');
        let end = rest.iter().position(is_end).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end)?;
        let (user, authority) = match authority.iter().rposition(|byte| *byte == b'@') {
            Some(at) => {
                let (user, _) = authority.split_at_checked(at)?;
                (Some(user), authority.get(at.saturating_add(1)..)?)
            }
            None => (None, authority),
        };
        let authority = std::str::from_utf8(authority).ok();
        // Neither blanks nor control characters: what is no URL must not be shown as one.
        let is_sound = |text: &&str| {
            let is_other = |character: char| character.is_whitespace() || character.is_control();
            !text.is_empty() && !text.contains(is_other)
        };
        let authority = authority.filter(is_sound)?;
        let called = rest.split(|byte| *byte == b'#').next()?;
        let mut target = Vec::with_capacity(called.len().saturating_add(1));
        if called.first() != Some(&b'/') {
            target.push(b'/');
        }
        target.extend_from_slice(called);
        Some(Self {
            scheme,
            default_port,
            user,
            authority,
            target,
        })
    }

    /// Scheme, host and port, as they are written.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// What is sent as `Host`: without a default port.
    pub(super) fn host(&self) -> &'a str {
        let shorter = self.authority.strip_suffix(self.default_port);
        shorter.unwrap_or(self.authority)
    }
}

/// `application/x-www-form-urlencoded` of a name or a value. All bytes but letters, digits, `-`, `.`, `_`
/// and those in `kept` are escaped; a blank is `+`.
pub(super) fn form_encode(text: &[u8], kept: &[u8]) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| HEX.get(usize::from(value)).copied();
    let mut encoded = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b' ' => encoded.push(b'+'),
            b'-' | b'.' | b'_' => encoded.push(*byte),
            byte if byte.is_ascii_alphanumeric() || kept.contains(byte) => encoded.push(*byte),
            byte => {
                encoded.push(b'%');
                encoded.extend(digit(byte >> 4));
                encoded.extend(digit(byte & 15));
            }
        }
    }
    encoded
}

/// The text with its percent escapes undone, once.
pub(super) fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.split_first_chunk::<2>().filter(|_| *first == b'%');
        let mut byte = [0];
        rest = match digits {
            Some((digits, after)) if hex::decode_to_slice(digits, &mut byte).is_ok() => after,
            _ => {
                byte = [*first];
                after
            }
        };
        decoded.extend(byte);
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_as_it_is_called() {
        for (url, origin, host, target) in [
            ("https://a.example", "https://a.example", "a.example", "/"),
            ("http://a?b=/c#d", "http://a", "a", "/?b=/c"),
            ("HTTPS://A:443/b?c#d?e", "https://A:443", "A", "/b?c"),
            (
                "http://[::1]:443//b",
                "http://[::1]:443",
                "[::1]:443",
                "//b",
            ),
            ("https://u:p@w@a:80/b", "https://a:80", "a:80", "/b"),
        ] {
            let split = Url::split(url.as_bytes()).unwrap();
            let found = (split.origin(), split.host(), split.target.as_slice());
            assert_eq!(found, (origin.to_owned(), host, target.as_bytes()), "{url}");
        }
        for other in [
            "",
            "/a",
            "a.example/b",
            "ftp://a/b",
            "http://",
            "http:///a",
            "http://a b/",
        ] {
            assert_eq!(Url::split(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn forms_are_encoded_byte_by_byte() {
        let encoded = form_encode("a b+c&\u{e9}~*-._".as_bytes(), b"*");
        assert_eq!(encoded, b"a+b%2Bc%26%C3%A9%7E*-._");
    }

    #[test]
    fn escapes_are_undone_once() {
        let decoded = percent_decode(b"%61%2B+%2520%zz%4%");
        assert_eq!(decoded, b"a++%20%zz%4%");
    }
}
