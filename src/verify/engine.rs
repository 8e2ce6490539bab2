//! The streaming engine: reads a scheme's description and hashes accordingly.
//!
//! A *lane* is one keyed hash: one secret with one spelling of the URL. All lanes advance together
//! as the body arrives, so no byte is hashed twice in a lane and no body has to be kept for hashing.

use super::choose::choose;
use super::encoding::Digest;
use super::mac::Mac;
use super::message::Message;
use super::scheme::{Part, Scheme};
use super::uri::PublicUri;

/// A message being hashed with every secret at once.
pub(super) struct Hashing {
    presented: Digest,
    lanes: Vec<Lane>,
}

struct Lane {
    mac: Mac,
    /// The index of the secret.
    secret: u32,
    /// What the scheme signs after the body.
    after_body: Vec<u8>,
}

/// What comparing the digests found.
pub(super) enum Comparison {
    /// The secret with this index gave the presented digest.
    Matched(u32, Digest),
    /// None did.
    Mismatched,
}

impl Hashing {
    /// Hashes what `scheme` signs before the body, once for each of `keys` and each spelling.
    ///
    /// Never inlined into its caller, so that what it leaves on the stack lies where
    /// [`crate::wipe::stack`] can overwrite it.
    #[inline(never)]
    pub(super) fn start<'k>(
        scheme: &Scheme,
        keys: impl Iterator<Item = (u32, &'k Mac)> + Clone,
        message: Message<'_>,
        uri: Option<PublicUri<'_>>,
        presented: Digest,
    ) -> Self {
        let spellings = scheme.spellings_of(uri);
        let (_, most) = keys.size_hint();
        let mut lanes = Vec::with_capacity(most.unwrap_or(1).saturating_mul(spellings.len()));
        for spelling in &spellings {
            for (secret, key) in keys.clone() {
                let mut mac = key.clone();
                let mut after_body = Vec::new();
                let mut body_seen = false;
                message.walk(scheme, spelling.as_ref(), |part, bytes| match part {
                    Part::Body => body_seen = true,
                    _ if body_seen => after_body.extend_from_slice(bytes),
                    _ => mac.update(bytes),
                });
                lanes.push(Lane {
                    mac,
                    secret,
                    after_body,
                });
            }
        }
        Self { presented, lanes }
    }

    /// Hashes the next piece of the body.
    pub(super) fn update(&mut self, chunk: &[u8]) {
        for lane in &mut self.lanes {
            lane.mac.update(chunk);
        }
    }

    /// Completes every lane and compares it with the presented digest. Never inlined, as [`Self::start`].
    #[inline(never)]
    pub(super) fn finish(mut self) -> Comparison {
        let computed = self.lanes.iter_mut().map(|lane| {
            lane.mac.update(&lane.after_body);
            (lane.secret, lane.mac.finish())
        });
        match choose(&self.presented, computed).index() {
            Some(secret) => Comparison::Matched(secret, self.presented),
            None => Comparison::Mismatched,
        }
    }
}
