//! Whether a message, as one supposes that it was signed, gives the signature that was presented: for telling
//! why a request did not verify. It makes no permit, and shows no signature.

use subtle::ConstantTimeEq;

use super::encoding::Digest;
use super::mac::Mac;
use super::message::Message;
use super::scheme::{MacAlgorithm, Part, Scheme};
use super::uri::{PublicUri, Spelling};
use crate::wipe;

/// A secret, ready for every scheme. Its text cannot be read from it.
#[derive(Clone)]
pub struct ProbeKey {
    hmac: Mac,
    prefixed: Mac,
}

impl ProbeKey {
    /// The key whose bytes these are.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self {
            hmac: Mac::new(MacAlgorithm::HmacSha256, secret),
            prefixed: Mac::new(MacAlgorithm::Sha256OfSecretAndMessage, secret),
        }
    }
}

/// A message as one supposes that it was signed.
#[derive(Clone, Copy)]
pub struct Probe<'a> {
    /// By which scheme.
    pub scheme: &'static Scheme,
    /// With which secret.
    pub key: &'a ProbeKey,
    /// The method.
    pub method: &'a str,
    /// The whole URL; ignored where the scheme signs none.
    pub url: &'a [u8],
    /// The text of the timestamp; ignored where the scheme signs none.
    pub timestamp: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

impl Probe<'_> {
    /// Whether it gives this signature, in one of the spellings of its URL that the scheme allows.
    #[must_use]
    pub fn gives(&self, presented: &[u8; 32]) -> bool {
        let given = self.gives_within(presented);
        wipe::stack();
        given
    }

    #[inline(never)]
    fn gives_within(&self, presented: &[u8; 32]) -> bool {
        let presented = Digest::new(*presented);
        self.spellings().into_iter().any(|spelling| {
            let mut mac = match self.scheme.mac {
                MacAlgorithm::HmacSha256 => self.key.hmac.clone(),
                MacAlgorithm::Sha256OfSecretAndMessage => self.key.prefixed.clone(),
            };
            let message = Message {
                method: self.method,
                timestamp: self.timestamp,
            };
            message.walk(self.scheme, spelling.as_ref(), |part, bytes| match part {
                Part::Body => mac.update(self.body),
                _ => mac.update(bytes),
            });
            mac.finish().ct_eq(&presented).into()
        })
    }

    /// How many bytes are hashed to know, if it does not give the signature.
    #[must_use]
    pub fn cost(&self) -> usize {
        let of_one = self.body.len().saturating_add(self.url.len());
        let of_one = of_one.saturating_add(256);
        of_one.saturating_mul(self.spellings().len())
    }

    fn spellings(&self) -> Vec<Option<Spelling<'_>>> {
        let url = std::str::from_utf8(self.url).ok();
        let uri = match url {
            Some(url) => PublicUri::from_base(url, b""),
            None => PublicUri::from_base("", self.url),
        };
        self.scheme.spellings_of(Some(uri))
    }
}

/// The digest in a signature header's value, if it is in the one spelling that the scheme writes. It comes from
/// the sender, and is no secret.
#[must_use]
pub fn presented(scheme: &Scheme, value: &[u8]) -> Option<[u8; 32]> {
    Digest::decode(value, scheme.encoding).map(|digest| digest.to_bytes())
}
