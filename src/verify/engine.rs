//! The streaming engine: reads a scheme's description and hashes accordingly.
//!
//! A *lane* is one keyed hash: one secret with one spelling of the URL. All lanes advance together
//! as the body arrives, so no byte is hashed twice in a lane and no body has to be kept for hashing.

use super::choose::choose;
use super::encoding::Digest;
use super::mac::Mac;
use super::request::Request;
use super::scheme::{Part, Scheme, Spellings};
use super::uri::Spelling;

/// A message being hashed with every secret at once.
pub(super) struct Hashing {
    presented: Digest,
    lanes: Vec<Lane>,
    body_bytes: u64,
}

struct Lane {
    mac: Mac,
    /// The index of the secret.
    secret: u32,
    /// What the scheme signs after the body.
    after_body: Vec<u8>,
}

/// How hashing ended.
pub(super) enum Outcome {
    /// The secret with this index gave the presented digest.
    Matched(u32),
    /// None did, after this many bytes of body.
    Mismatched { body_bytes: u64 },
}

impl Hashing {
    /// Hashes what `scheme` signs before the body, once for each of `keys` and each spelling.
    ///
    /// Never a part of its caller: what it leaves on the stack lies where [`crate::wipe::stack`] can
    /// overwrite it.
    #[inline(never)]
    pub(super) fn start<'k>(
        scheme: &Scheme,
        keys: impl Iterator<Item = (u32, &'k Mac)> + Clone,
        request: &Request<'_>,
        timestamp: &[u8],
        presented: Digest,
    ) -> Self {
        let spellings = spellings(scheme, request);
        let (_, most) = keys.size_hint();
        let mut lanes = Vec::with_capacity(most.unwrap_or(1).saturating_mul(spellings.len()));
        for spelling in &spellings {
            for (secret, key) in keys.clone() {
                let mut mac = key.clone();
                let mut after_body = Vec::new();
                let mut body_seen = false;
                for part in scheme.signed {
                    let mut absorb = |bytes: &[u8]| {
                        if body_seen {
                            after_body.extend_from_slice(bytes);
                        } else {
                            mac.update(bytes);
                        }
                    };
                    match part {
                        Part::Method => absorb(request.method.as_bytes()),
                        Part::Uri => spelling
                            .iter()
                            .flat_map(Spelling::pieces)
                            .for_each(&mut absorb),
                        Part::Timestamp => absorb(timestamp),
                        Part::Literal(text) => absorb(text.as_bytes()),
                        Part::Body => body_seen = true,
                    }
                }
                lanes.push(Lane {
                    mac,
                    secret,
                    after_body,
                });
            }
        }
        Self {
            presented,
            lanes,
            body_bytes: 0,
        }
    }

    /// Hashes the next piece of the body.
    pub(super) fn update(&mut self, chunk: &[u8]) {
        for lane in &mut self.lanes {
            lane.mac.update(chunk);
        }
        let added = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.body_bytes = self.body_bytes.saturating_add(added);
    }

    /// Completes every lane and compares it with the presented digest. Never a part of its caller, as
    /// [`Self::start`].
    #[inline(never)]
    pub(super) fn finish(mut self) -> Outcome {
        let computed = self.lanes.iter_mut().map(|lane| {
            lane.mac.update(&lane.after_body);
            (lane.secret, lane.mac.finish())
        });
        match choose(&self.presented, computed).index() {
            Some(secret) => Outcome::Matched(secret),
            None => Outcome::Mismatched {
                body_bytes: self.body_bytes,
            },
        }
    }
}

/// The spellings of the URL to try; one empty entry where the scheme signs none.
fn spellings<'a>(scheme: &Scheme, request: &Request<'a>) -> Vec<Option<Spelling<'a>>> {
    let Some(uri) = request.uri.filter(|_| scheme.signs_uri()) else {
        return vec![None];
    };
    let mut spellings = vec![Some(uri.received())];
    if scheme.spellings == Spellings::HubSpotDecodedAndReceived {
        spellings.extend(uri.hubspot_decoded().map(Some));
    }
    spellings
}
