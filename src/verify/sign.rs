//! Signing: the same descriptions read the other way, for `hookward sign`, `send` and `demo`.

use secrecy::{ExposeSecret, SecretString};

use super::mac::Mac;
use super::scheme::{Part, Provider, Scheme, Selector, Spellings};
use super::uri::{PublicUri, Spelling};

/// The headers with which `provider` would send a request, as names and values.
///
/// `timestamp` is signed as given, sound or not. `nonce` is used where the provider sends one. The
/// URL is signed as HubSpot documents it: with its escapes decoded where the scheme says so.
#[must_use]
pub fn sign(
    (provider, scheme): (&Provider, &Scheme),
    secret: &SecretString,
    method: &str,
    url: &str,
    body: &[u8],
    timestamp: &str,
    nonce: &str,
) -> Vec<(&'static str, String)> {
    let uri = PublicUri::from_base(url, b"");
    let spelling = match scheme.spellings {
        Spellings::Received => uri.received(),
        Spellings::HubSpotDecodedAndReceived => {
            uri.hubspot_decoded().unwrap_or_else(|| uri.received())
        }
    };
    let mut mac = Mac::new(scheme.mac, secret.expose_secret().as_bytes());
    for part in scheme.signed {
        match part {
            Part::Method => mac.update(method.as_bytes()),
            Part::Uri => Spelling::pieces(&spelling).for_each(|piece| mac.update(piece)),
            Part::Body => mac.update(body),
            Part::Timestamp => mac.update(timestamp.as_bytes()),
            Part::Literal(text) => mac.update(text.as_bytes()),
        }
    }
    let signature = mac.finish().encode(scheme.encoding);
    let mut headers = vec![(scheme.signature_header, signature)];
    if let (Selector::Version(version), Some(shared)) = (scheme.selector, provider.versioned) {
        headers.push((shared.version, version.to_owned()));
    }
    if let Some(header) = scheme.timestamp_header {
        headers.push((header, timestamp.to_owned()));
    }
    if let Some(header) = provider.nonce_header {
        headers.push((header, nonce.to_owned()));
    }
    headers
}
