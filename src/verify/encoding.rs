//! Strict decoding of a signature header into a [`Digest`].
//!
//! A tag has one spelling. Accepting a second (uppercase hex, unpadded or URL-safe base64, stray
//! bits at the end) would let one signature pass as two, which replay protection must not allow.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::scheme::Encoding;

const DIGEST_BYTES: usize = 32;
const HEX_CHARACTERS: usize = 64;
const BASE64_CHARACTERS: usize = 44;

/// A SHA-256 value: a signature, computed or decoded from its one spelling.
///
/// It has no `PartialEq`, so that nobody can compare two with `==`, and `Debug` shows nothing of it; it is
/// wiped when dropped, because a computed one is a valid signature.
#[derive(Clone)]
pub(super) struct Digest(Zeroizing<[u8; DIGEST_BYTES]>);

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(…)")
    }
}

impl Digest {
    pub(super) fn new(bytes: [u8; DIGEST_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, of a digest that a sender presented. Whoever has them and the request can send it again.
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A copy of the bytes, of a digest that a sender presented.
    pub(super) fn to_bytes(&self) -> [u8; DIGEST_BYTES] {
        *self.0
    }

    /// Writes the digest the way `encoding` does.
    pub(super) fn encode(&self, encoding: Encoding) -> String {
        match encoding {
            Encoding::HexLower => hex::encode(self.0.as_slice()),
            Encoding::Base64 => STANDARD.encode(self.0.as_slice()),
        }
    }

    /// Reads a header's value; `None` unless it is exactly the one spelling of 32 bytes.
    pub(super) fn decode(value: &[u8], encoding: Encoding) -> Option<Self> {
        let mut bytes = [0; DIGEST_BYTES];
        match encoding {
            Encoding::HexLower => {
                let lower = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                if value.len() != HEX_CHARACTERS || !value.iter().all(lower) {
                    return None;
                }
                hex::decode_to_slice(value, &mut bytes).ok()?;
            }
            Encoding::Base64 => {
                if value.len() != BASE64_CHARACTERS {
                    return None;
                }
                let decoded = STANDARD.decode(value).ok()?;
                bytes = decoded.try_into().ok()?;
            }
        }
        Some(Self::new(bytes))
    }
}

impl ConstantTimeEq for Digest {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.as_slice().ct_eq(other.0.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de";
    const BASE64: &str = "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=";

    #[test]
    fn a_digest_keeps_its_one_spelling() {
        for (text, encoding) in [(HEX, Encoding::HexLower), (BASE64, Encoding::Base64)] {
            let digest = Digest::decode(text.as_bytes(), encoding).unwrap();
            assert_eq!(digest.encode(encoding), text);
        }
    }

    #[test]
    #[expect(clippy::string_slice, reason = "the text is ASCII")]
    fn every_other_spelling_is_malformed() {
        let hex_cases = [
            HEX.to_uppercase(),
            HEX[1..].to_owned(),
            format!("{HEX}0"),
            format!("{}g", &HEX[..63]),
            format!(" {}", &HEX[1..]),
        ];
        for case in hex_cases {
            assert!(
                Digest::decode(case.as_bytes(), Encoding::HexLower).is_none(),
                "{case}"
            );
        }
        let base64_cases = [
            BASE64.replace('=', ""),
            BASE64.replace('+', "-").replace('/', "_"),
            // The last character before the padding carries two unused bits: `Z` sets one.
            BASE64.replace("k/Y=", "k/Z="),
            format!("{}==", &BASE64[..42]),
            format!("{BASE64}="),
            HEX[..44].to_owned(),
        ];
        for case in base64_cases {
            assert!(
                Digest::decode(case.as_bytes(), Encoding::Base64).is_none(),
                "{case}"
            );
        }
    }
}
