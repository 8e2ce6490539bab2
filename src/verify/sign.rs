//! Signing: the same descriptions read the other way, for `hookward sign`, `send` and `demo`.

use secrecy::{ExposeSecret, SecretString};

use super::mac::Mac;
use super::message::Message;
use super::provider::Provider;
use super::scheme::{Part, Scheme, Selector};
use super::uri::PublicUri;

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
    let message = Message {
        method,
        timestamp: timestamp.as_bytes(),
    };
    let mut spellings = scheme
        .spellings_of(Some(PublicUri::from_base(url, b"")))
        .into_iter();
    let spelling = spellings.next().flatten();
    let mut mac = Mac::new(scheme.mac, secret.expose_secret().as_bytes());
    message.walk(scheme, spelling.as_ref(), |part, bytes| match part {
        Part::Body => mac.update(body),
        _ => mac.update(bytes),
    });
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
