//! Generous decoding. Verification reads one spelling; here it is asked what somebody may have meant.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Takes both alphabets, with padding and without.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes that hexadecimal digits of either case stand for.
pub(super) fn from_hex(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // In a buffer that need not grow: what it grew out of would not be wiped.
    let mut bytes = Zeroizing::new(vec![0; text.len().div_ceil(2)]);
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// The bytes that base64 of either alphabet stands for (RFC 4648 sections 4 and 5).
pub(super) fn from_base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let standard = text.iter().map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    });
    let standard: Zeroizing<Vec<u8>> = Zeroizing::new(standard.collect());
    LENIENT.decode(&*standard).ok().map(Zeroizing::new)
}

/// The text with its escapes decoded once (RFC 3986 section 2.1); what is none stays.
pub(super) fn from_percent(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail.split_first_chunk::<2>().filter(|_| *first == b'%');
        let mut byte = [0];
        match escaped {
            Some((digits, after)) if hex::decode_to_slice(digits, &mut byte).is_ok() => {
                decoded.extend_from_slice(&byte);
                rest = after;
            }
            _ => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read_with_padding_and_without() {
        for text in ["+/+/+w==", "-_-_-w", "-_-_-w==", "+/+/+w"] {
            let bytes = from_base64(text.as_bytes()).unwrap();
            assert_eq!(*bytes, [0xfb, 0xff, 0xbf, 0xfb], "{text}");
        }
        assert!(from_base64(b"a b").is_none());
        assert_eq!(*from_hex(b"fBfF").unwrap(), [0xfb, 0xff]);
        assert!(from_hex(b"abc").is_none());
    }

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(*from_percent(b"a%2Bb%253d%3D%4%"), *b"a+b%3d=%4%");
    }
}
