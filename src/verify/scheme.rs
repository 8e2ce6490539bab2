//! The language in which a signature scheme is described.
//!
//! Everything in which providers differ is a field here; the engine, the choice between versions,
//! the signer and the check for repeated headers all read it. A description is `const` data.

/// One piece of the string that a provider signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The request method, as sent.
    Method,
    /// The full public URL, in the spellings of [`Scheme::spellings`].
    Uri,
    /// The raw body.
    Body,
    /// The text of the timestamp header.
    Timestamp,
    /// A fixed text.
    Literal(&'static str),
}

/// How the secret and the message become a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacAlgorithm {
    /// HMAC-SHA256 (RFC 2104) keyed with the secret.
    HmacSha256,
    /// SHA-256 over the secret followed by the message. Open to length extension; here because
    /// HubSpot v1 and v2 use it.
    Sha256OfSecretAndMessage,
}

/// How the tag is written in its header. Decoding accepts this one spelling and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 64 lowercase hexadecimal digits.
    HexLower,
    /// 44 characters of padded standard base64 (RFC 4648 section 4), unused bits zero.
    Base64,
}

/// Which spellings of the URL are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spellings {
    /// The URL as it was received, alone.
    Received,
    /// The URL with HubSpot's twelve escapes decoded once, and as received where that differs.
    HubSpotDecodedAndReceived,
}

/// How a request says that it is signed with this scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// The signature header is this scheme's own: that it occurs, even empty, decides.
    OwnHeader,
    /// The signature header is shared and this value of the provider's version header decides.
    Version(&'static str),
}

/// One signature scheme of a provider.
#[derive(Debug)]
pub struct Scheme {
    /// The name in metrics and in `X-Hookward-Verified`, such as `hubspot-v3`.
    pub label: &'static str,
    /// The name in `versions = […]`, such as `v3`.
    pub version: &'static str,
    /// How a request selects it.
    pub selector: Selector,
    /// The header with the signature.
    pub signature_header: &'static str,
    /// The header with the signed timestamp; `None` where none is signed.
    pub timestamp_header: Option<&'static str>,
    /// How the tag is computed.
    pub mac: MacAlgorithm,
    /// How the tag is written.
    pub encoding: Encoding,
    /// What is signed, in order.
    pub signed: &'static [Part],
    /// Which spellings of the URL are tried.
    pub spellings: Spellings,
}

impl Scheme {
    /// Whether the public URL is part of what is signed.
    #[must_use]
    pub fn signs_uri(&self) -> bool {
        self.signed.contains(&Part::Uri)
    }

    /// Whether nothing lies between the URL and the body in what is signed.
    #[must_use]
    pub fn signs_uri_before_body(&self) -> bool {
        self.signed
            .windows(2)
            .any(|pair| pair == [Part::Uri, Part::Body])
    }
}
