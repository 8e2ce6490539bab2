//! API keys in a query: found, taken out, hidden and put in. Names and values are form-urlencoded; whatever is not
//! the key stays as it is written.

use zeroize::Zeroizing;

/// A name or a value from a request. A copy is wiped when it is dropped, because it may be a key.
pub(super) enum Presented<'a> {
    Received(&'a [u8]),
    Decoded(Zeroizing<Vec<u8>>),
}

impl AsRef<[u8]> for Presented<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Received(bytes) => bytes,
            Self::Decoded(bytes) => bytes,
        }
    }
}

/// A query with `***` for the value of each pair that `hides` says to hide, of its decoded name and value. Nothing
/// else is changed.
#[must_use]
pub fn mask_query(query: &[u8], hides: impl Fn(&[u8], &[u8]) -> bool) -> Vec<u8> {
    let mut masked = Vec::with_capacity(query.len());
    for (index, pair) in query.split(|byte| *byte == b'&').enumerate() {
        if index > 0 {
            masked.push(b'&');
        }
        let (name, value) = split_pair(pair);
        if hides(decode(name).as_ref(), decode(value).as_ref()) {
            masked.extend_from_slice(name);
            masked.extend_from_slice(b"=***");
        } else {
            masked.extend_from_slice(pair);
        }
    }
    masked
}

/// A query in which the parameter `name` has the value `key`: in the place where it was, else at the end.
#[must_use]
pub fn with_query_key(query: &[u8], name: &str, key: &[u8]) -> Vec<u8> {
    let pair = [&*encode(name.as_bytes()), b"=", &encode(key)].concat();
    let is_it = |other: &[u8]| decode(split_pair(other).0).as_ref() == name.as_bytes();
    let mut pairs: Vec<&[u8]> = Vec::new();
    let mut is_there = false;
    for other in query.split(|byte| *byte == b'&') {
        match (is_it(other), is_there) {
            (false, _) => pairs.push(other),
            (true, false) => {
                pairs.push(&pair);
                is_there = true;
            }
            // Twice is refused.
            (true, true) => {}
        }
    }
    pairs.retain(|pair| !(query.is_empty() && pair.is_empty()));
    if !is_there {
        pairs.push(&pair);
    }
    pairs.join(&b'&')
}

/// Writes text so that [`decode`] gives it back: all but the unreserved characters of RFC 3986 escaped.
fn encode(text: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len());
    for byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            encoded.push(*byte);
        } else {
            encoded.push(b'%');
            encoded.extend_from_slice(hex::encode_upper([*byte]).as_bytes());
        }
    }
    encoded
}

/// Removes every pair named `name` from a query, with one `&` each, and changes nothing else.
/// `None` where nothing is left, so that the `?` goes too.
#[must_use]
pub fn strip_query_key(query: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut removed = false;
    for pair in query.split(|byte| *byte == b'&') {
        if decode(split_pair(pair).0).as_ref() == name.as_bytes() {
            removed = true;
        } else {
            kept.push(pair);
        }
    }
    let rest = kept.join(&b'&');
    (!removed || !rest.is_empty()).then_some(rest)
}

/// Names and values of a query, as they are written.
pub fn query_pairs(query: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    query.split(|byte| *byte == b'&').map(split_pair)
}

/// What a name or a value of a query reads, however it is written.
pub fn decode_query(text: &[u8]) -> impl AsRef<[u8]> + '_ {
    decode(text)
}

/// The values of the parameter `name`, as they are written.
pub(super) fn query_values<'a>(query: &'a [u8], name: &str) -> impl Iterator<Item = &'a [u8]> {
    query_pairs(query)
        .filter(move |(pair_name, _)| decode(pair_name).as_ref() == name.as_bytes())
        .map(|(_, value)| value)
}

fn split_pair(pair: &[u8]) -> (&[u8], &[u8]) {
    let mut halves = pair.splitn(2, |byte| *byte == b'=');
    (
        halves.next().unwrap_or_default(),
        halves.next().unwrap_or_default(),
    )
}

/// Decodes `application/x-www-form-urlencoded` text once: percent escapes, and `+` as a space.
pub(super) fn decode(text: &[u8]) -> Presented<'_> {
    if memchr::memchr2(b'%', b'+', text).is_none() {
        return Presented::Received(text);
    }
    // Decoding makes nothing longer, so this is never moved, which would leave a copy behind.
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => decoded.push(b' '),
            b'%' => {
                let escape = tail.split_first_chunk::<2>().and_then(|(digits, after)| {
                    let mut byte = [0_u8; 1];
                    hex::decode_to_slice(digits, &mut byte).ok()?;
                    Some((byte, after))
                });
                if let Some((byte, after)) = escape {
                    decoded.extend_from_slice(&byte);
                    rest = after;
                } else {
                    decoded.push(b'%');
                }
            }
            plain => decoded.push(*plain),
        }
    }
    Presented::Decoded(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(query: &str) -> Option<String> {
        strip_query_key(query.as_bytes(), "api_key").map(|query| String::from_utf8(query).unwrap())
    }

    #[test]
    fn stripping_removes_the_pair_and_one_ampersand_or_the_whole_query() {
        assert_eq!(stripped("api_key=K"), None);
        assert_eq!(stripped("api_key=K&b=2").as_deref(), Some("b=2"));
        assert_eq!(stripped("a=1&api_key=K").as_deref(), Some("a=1"));
        assert_eq!(stripped("a=1&api_key=K&b=2").as_deref(), Some("a=1&b=2"));
        assert_eq!(
            stripped("a=1&api%5Fkey=K&&b=%zz").as_deref(),
            Some("a=1&&b=%zz")
        );
        for nothing_left in ["api_key=K&api_key=L", "&api_key=K", "api_key=K&"] {
            assert_eq!(stripped(nothing_left), None, "{nothing_left}");
        }
    }

    #[test]
    fn stripping_leaves_other_queries_as_they_are() {
        for query in ["", "&", "a=1", "API_KEY=K", "a=api_key", "x=%2B+&y"] {
            assert_eq!(stripped(query).as_deref(), Some(query));
        }
    }

    #[test]
    fn masking_hides_values_and_leaves_the_rest() {
        let masked = |query: &str| {
            let hides = |name: &[u8], value: &[u8]| name == b"api_key" || value == b"K y";
            String::from_utf8(mask_query(query.as_bytes(), hides)).unwrap()
        };
        for (query, expected) in [
            ("", ""),
            ("a=1&&b", "a=1&&b"),
            ("api_key=K&b=2", "api_key=***&b=2"),
            ("a=1&api%5Fkey=K=L&api_key", "a=1&api%5Fkey=***&api_key=***"),
            ("x=K+y&y=K%20y&z=Ky", "x=***&y=***&z=Ky"),
        ] {
            assert_eq!(masked(query), expected);
        }
    }

    #[test]
    fn a_key_is_put_where_it_was_or_at_the_end() {
        let put = |query: &str| {
            String::from_utf8(with_query_key(query.as_bytes(), "api_key", b"K &+")).unwrap()
        };
        for (query, expected) in [
            ("", "api_key=K%20%26%2B"),
            ("a=1&b=%zz", "a=1&b=%zz&api_key=K%20%26%2B"),
            ("api%5Fkey=***&b=2", "api_key=K%20%26%2B&b=2"),
            ("a=1&api_key=L&api_key=M", "a=1&api_key=K%20%26%2B"),
        ] {
            assert_eq!(put(query), expected);
        }
    }

    #[test]
    fn text_is_decoded_once() {
        assert_eq!(decode(b"a%2Bb+c%25%32%30").as_ref(), b"a+b c%20");
        assert_eq!(decode(b"%").as_ref(), b"%");
        assert_eq!(decode(b"%4").as_ref(), b"%4");
    }
}
