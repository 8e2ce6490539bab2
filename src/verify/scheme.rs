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

    /// Whether the body follows the URL directly in what is signed, so that bytes can move from the end
    /// of the one to the beginning of the other.
    #[must_use]
    pub fn url_meets_body(&self) -> bool {
        let mut pairs = self.signed.windows(2);
        pairs.any(|pair| pair == [Part::Uri, Part::Body])
    }
}

/// A sender of webhooks and the schemes it signs with.
#[derive(Debug)]
pub struct Provider {
    /// The name in `scheme = …`, and the metric label until a version is known.
    pub name: &'static str,
    /// Its schemes, the strongest first: the order in which their own headers are looked for.
    pub schemes: &'static [Scheme],
    /// The signature header and version header that its versioned schemes share.
    pub versioned: Option<VersionedHeaders>,
    /// A header that the provider sends and does not sign: made by the signer, never judged.
    pub nonce_header: Option<&'static str>,
    /// Every header that verification reads. Each may occur once.
    pub headers: &'static [&'static str],
    /// What is known of its requests and its settings, against which a configuration is checked.
    pub known: KnownFacts,
}

/// What is known of a sender beside its signatures. Nothing here decides a verdict: it is what a
/// configuration is checked against, so that a mistake is found before the first request.
#[derive(Clone, Copy, Debug)]
pub struct KnownFacts {
    /// The name as people write it, such as `HubSpot`.
    pub display_name: &'static str,
    /// It calls `https` URLs alone: a signed URL with `http` never matches.
    pub calls_https_alone: bool,
    /// It reads the number in `Retry-After` of a 429 as milliseconds, where RFC 9110 section 10.2.3
    /// has seconds.
    pub retry_after_in_ms: bool,
    /// Texts of its own that are taken for its signing secret by mistake.
    pub mistaken_secrets: &'static [MistakenSecret],
}

/// A text that a provider gives out and that is not its signing secret.
#[derive(Clone, Copy, Debug)]
pub struct MistakenSecret {
    /// How it begins.
    pub prefix: &'static str,
    /// What it is and what belongs in its place, after "looks like", such as `an access token of …`.
    pub what: &'static str,
}

/// The headers that several versions of a provider share.
#[derive(Clone, Copy, Debug)]
pub struct VersionedHeaders {
    /// The header with the signature.
    pub signature: &'static str,
    /// The header that says which version made it.
    pub version: &'static str,
}
