//! The public URL that a provider called, and HubSpot's second spelling of it.

use std::borrow::Cow;

/// The URL that the provider called, in up to four consecutive pieces.
///
/// It is kept in pieces because they come from different places (the configuration and the request,
/// or a trusted proxy's headers) and hashing needs no copy of the whole.
#[derive(Clone, Copy, Debug)]
pub struct PublicUri<'a> {
    pieces: [&'a [u8]; 4],
}

impl<'a> PublicUri<'a> {
    /// A configured base, such as `https://hooks.example.com/in`, and what follows it.
    #[must_use]
    pub fn from_base(base: &'a str, rest: &'a [u8]) -> Self {
        Self {
            pieces: [base.as_bytes(), rest, &[], &[]],
        }
    }

    /// A scheme and host as a trusted proxy reported them, and the request target.
    #[must_use]
    pub fn from_parts(scheme: &'a str, host: &'a str, target: &'a [u8]) -> Self {
        Self {
            pieces: [scheme.as_bytes(), b"://", host.as_bytes(), target],
        }
    }

    /// The URL as it was received, in one piece.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    /// The URL as it was received.
    pub(super) fn received(&self) -> Spelling<'a> {
        Spelling(self.pieces.map(Cow::Borrowed))
    }

    /// The URL with HubSpot's escapes decoded, where that differs from the URL as received.
    pub(super) fn hubspot_decoded(&self) -> Option<Spelling<'a>> {
        let decoded = self.pieces.map(decode_hubspot_escapes);
        let differs = decoded.iter().any(|piece| matches!(piece, Cow::Owned(_)));
        differs.then_some(Spelling(decoded))
    }
}

/// One spelling of the URL, ready to be hashed piece by piece.
pub(super) struct Spelling<'a>([Cow<'a, [u8]>; 4]);

impl Spelling<'_> {
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }
}

/// Decodes, once, the twelve escapes that HubSpot decodes before it signs a v3 URL, and no other:
/// `%3A %2F %3F %40 %21 %24 %27 %28 %29 %2A %2C %3B`, hex digits in either case.
/// Source: HubSpot, "Validating requests", v3, the table of decoded characters.
fn decode_hubspot_escapes(piece: &[u8]) -> Cow<'_, [u8]> {
    let mut decoded = Vec::new();
    let mut rest = piece;
    let mut copied_to = piece;
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%'
            && let Some((digits, after)) = tail.split_first_chunk::<2>()
            && let Some(character) = hubspot_escape(*digits)
        {
            let plain = copied_to.len().saturating_sub(rest.len());
            decoded.extend_from_slice(copied_to.get(..plain).unwrap_or_default());
            decoded.push(character);
            rest = after;
            copied_to = after;
        } else {
            rest = tail;
        }
    }
    if copied_to.len() == piece.len() {
        Cow::Borrowed(piece)
    } else {
        decoded.extend_from_slice(copied_to);
        Cow::Owned(decoded)
    }
}

fn hubspot_escape(digits: [u8; 2]) -> Option<u8> {
    Some(match &digits.map(|digit| digit.to_ascii_uppercase()) {
        b"3A" => b':',
        b"2F" => b'/',
        b"3F" => b'?',
        b"40" => b'@',
        b"21" => b'!',
        b"24" => b'$',
        b"27" => b'\'',
        b"28" => b'(',
        b"29" => b')',
        b"2A" => b'*',
        b"2C" => b',',
        b"3B" => b';',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(uri: &str) -> Option<String> {
        let uri = PublicUri::from_base("https://a.example", uri.as_bytes());
        let spelling = uri.hubspot_decoded()?;
        Some(String::from_utf8(spelling.pieces().collect::<Vec<_>>().concat()).unwrap())
    }

    #[test]
    fn the_twelve_escapes_are_decoded_in_either_case() {
        let escaped = "/x?q=%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B";
        let plain = "https://a.example/x?q=:/?@!$'()*,;";
        assert_eq!(decoded(escaped).as_deref(), Some(plain));
        assert_eq!(decoded(&escaped.to_lowercase()).as_deref(), Some(plain));
    }

    #[test]
    fn nothing_else_is_decoded_and_nothing_twice() {
        for unchanged in [
            "/x?q=%20%26%3D%2B%23%25",
            "/x?q=%C3%A9",
            "/x",
            "",
            "/x?%3",
            "/x?%",
        ] {
            assert_eq!(decoded(unchanged), None, "{unchanged}");
        }
        assert_eq!(
            decoded("/x?q=%2540&r=a%40b%20").as_deref(),
            Some("https://a.example/x?q=%2540&r=a@b%20")
        );
    }
}
