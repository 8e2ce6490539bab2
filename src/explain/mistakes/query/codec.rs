//! Percent-encoding (RFC 3986 section 2.1) as the libraries do it: they differ in what they leave as it is, in
//! how they write a blank, and in the case of the digits.

/// How a library escapes.
#[derive(Clone, Copy, Debug)]
pub(in crate::explain::mistakes) struct Encoder {
    /// What it leaves as it is, besides letters and digits.
    kept: &'static [u8],
    blank: &'static [u8],
    digits: &'static [u8; 16],
}

const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const LOWER: &[u8; 16] = b"0123456789abcdef";

/// RFC 3986 section 2.3: PHP's `rawurlencode`, Python's `quote(safe="")`.
pub(super) const STRICT: Encoder = of(b"-._~", b"%20", UPPER);
/// `application/x-www-form-urlencoded`: Java's `URLEncoder`, browsers' `URLSearchParams`.
pub(super) const FORM: Encoder = of(b"*-._", b"+", UPPER);
/// JavaScript's `encodeURIComponent`.
const COMPONENT: Encoder = of(b"-_.!~*'()", b"%20", UPPER);
/// JavaScript's `encodeURI`.
const WHOLE: Encoder = of(b";,/?:@&=+$-_.!~*'()#", b"%20", UPPER);
/// What RFC 3986 allows in a segment of a path.
const SEGMENT: Encoder = of(b"-._~!$&'()*+,;=:@", b"%20", UPPER);

/// Those that encode names and values of a query; the commonest first.
pub(super) const OF_VALUES: &[Encoder] = &[
    STRICT,
    FORM,
    COMPONENT,
    // Python's `quote_plus`, Go's `QueryEscape`.
    of(b"-._~", b"+", UPPER),
    // Python's `quote`.
    of(b"-._~/", b"%20", UPPER),
    // PHP's `urlencode`.
    of(b"-._", b"+", UPPER),
    // What RFC 3986 allows in a value.
    of(b"-._~!$'()*,;:@/?", b"%20", UPPER),
    // .NET's `HttpUtility.UrlEncode`.
    of(b"-_.!*()", b"+", LOWER),
    WHOLE,
];

/// Those that encode the segments of a path.
pub(super) const OF_SEGMENTS: &[Encoder] = &[
    SEGMENT,
    STRICT,
    COMPONENT,
    WHOLE,
    FORM,
    of(b"-._~", b"%20", LOWER),
];

const fn of(kept: &'static [u8], blank: &'static [u8], digits: &'static [u8; 16]) -> Encoder {
    Encoder {
        kept,
        blank,
        digits,
    }
}

impl Encoder {
    /// The text with its escapes. `keeps` says what else stays as it is, by the text from there on: how many
    /// bytes.
    pub(super) fn encode(&self, text: &[u8], keeps: fn(&[u8]) -> usize) -> Vec<u8> {
        let mut encoded = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((first, tail)) = rest.split_first() {
            if let Some((kept, after)) = rest.split_at_checked(keeps(rest))
                && !kept.is_empty()
            {
                encoded.extend_from_slice(kept);
                rest = after;
                continue;
            }
            match first {
                b' ' => encoded.extend_from_slice(self.blank),
                byte if byte.is_ascii_alphanumeric() || self.kept.contains(byte) => {
                    encoded.push(*byte);
                }
                byte => encoded.extend([b'%', self.digit(byte >> 4), self.digit(byte & 15)]),
            }
            rest = tail;
        }
        encoded
    }

    fn digit(&self, value: u8) -> u8 {
        self.digits.get(usize::from(value)).copied().unwrap_or(b'0')
    }
}

/// Keeps nothing.
pub(super) fn nothing(_rest: &[u8]) -> usize {
    0
}

/// Keeps escapes that are there.
pub(super) fn escapes(rest: &[u8]) -> usize {
    if escape(rest).is_some() { 3 } else { 0 }
}

/// Keeps `+`.
pub(super) fn plus(rest: &[u8]) -> usize {
    usize::from(rest.starts_with(b"+"))
}

/// Keeps both.
pub(super) fn escapes_and_plus(rest: &[u8]) -> usize {
    escapes(rest).max(plus(rest))
}

/// The byte of the escape that a text begins with.
pub(super) fn escape(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else {
        return None;
    };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)?.checked_mul(16)?.checked_add(digit(low)?)?).ok()
}

/// The text with its escapes decoded once. A plus sign that was escaped stays one.
pub(in crate::explain::mistakes) fn decode(text: &[u8], plus_is_blank: bool) -> Vec<u8> {
    if plus_is_blank {
        return decode_those(&replaced(text, b"+", b" "), |_| true);
    }
    decode_those(text, |_| true)
}

/// The text with the escapes of some bytes decoded once.
pub(super) fn decode_those(text: &[u8], is_decoded: impl Fn(u8) -> bool) -> Vec<u8> {
    map_escapes(text, |bytes, byte, out| {
        if is_decoded(byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(bytes);
        }
    })
}

/// The text with every escape rewritten, from its three bytes and the byte that it stands for.
pub(super) fn map_escapes(text: &[u8], write: impl Fn(&[u8], u8, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        match (escape(rest), rest.split_at_checked(3)) {
            (Some(byte), Some((three, after))) => {
                write(three, byte, &mut out);
                rest = after;
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

/// RFC 3986 section 2.3: what means the same with and without an escape.
pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// The twelve characters whose escapes HubSpot decodes before it signs.
pub(super) fn is_hubspots(byte: u8) -> bool {
    b":/?@!$'()*,;".contains(&byte)
}

/// The text with each occurrence of another replaced.
pub(super) fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        match rest.strip_prefix(from) {
            Some(after) => {
                out.extend_from_slice(to);
                rest = after;
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

/// The digits of its escapes in one case.
pub(super) fn digits(text: &[u8], upper: bool) -> Vec<u8> {
    map_escapes(text, |three, _, out| {
        if upper {
            out.extend(three.to_ascii_uppercase());
        } else {
            out.extend(three.to_ascii_lowercase());
        }
    })
}

/// With escapes that were escaped again as they were: `%2540` is `%40`.
pub(super) fn escaped_once(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        out.push(*first);
        rest = match tail.strip_prefix(b"25") {
            Some(after) if *first == b'%' && is_hex(after.get(..2)) => after,
            _ => tail,
        };
    }
    out
}

fn is_hex(digits: Option<&[u8]>) -> bool {
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}
