//! A request between its header and its verdict.

use std::sync::Arc;

use bytes::BytesMut;

use super::body::{Body, MAX_PIECE_BYTES};
use super::body_start::BodyStart;
use super::encoding::Digest;
use super::engine::{Comparison, Hashing};
use super::permit::{Permit, Permitted, Verified};
use super::rejection::{Evidence, Rejected, Rejection};
use super::request::Request;
use super::scheme::Scheme;
use super::signature::Signature;
use super::timestamp::Timestamp;
use crate::reason::Reason;
use crate::wipe;

/// What a route does about a verdict.
#[derive(Clone, Copy)]
pub(super) struct Policy<'v> {
    pub(super) secret_ids: &'v [Arc<str>],
    pub(super) enforce: bool,
}

impl Policy<'_> {
    /// Whether such a rejection is let through.
    pub(super) fn waives(self, rejection: &Rejection) -> bool {
        !self.enforce && rejection.reason.is_waivable()
    }

    /// Gives the secret that proved it its name.
    fn name(self, proof: Proof) -> Verified {
        let index = usize::try_from(proof.secret).unwrap_or(usize::MAX);
        Verified {
            scheme: proof.scheme,
            secret: self.secret_ids.get(index).cloned().unwrap_or_default(),
            signed_at: proof.signed_at,
            signature: proof.signature.map(Signature::new),
        }
    }

    /// Turns what was found into a permit, where there is one to give.
    fn admit(self, verdict: Result<Verified, Rejection>) -> Result<Permit, Rejection> {
        match verdict {
            Ok(verified) => Ok(Permit::verified(verified)),
            Err(rejection) if self.waives(&rejection) => Ok(Permit::unenforced(rejection)),
            Err(rejection) => Err(rejection),
        }
    }
}

/// What was proved, before the secret's index becomes its id.
pub(super) struct Proof {
    pub(super) scheme: &'static str,
    pub(super) secret: u32,
    pub(super) signed_at: Option<Timestamp>,
    pub(super) signature: Option<Digest>,
}

/// A request whose header passed and whose body is still to come.
pub struct Verification<'v, 'r> {
    policy: Policy<'v>,
    request: Request<'r>,
    body: Body,
    body_start: BodyStart,
    state: State,
}

pub(super) enum State {
    /// The body decides.
    Hashing {
        hashing: Hashing,
        scheme: &'static Scheme,
        signed_at: Option<Timestamp>,
    },
    /// The header decided; the body is taken as it comes.
    Settled(Result<Proof, Rejection>),
}

impl<'v, 'r> Verification<'v, 'r> {
    pub(super) fn new(
        policy: Policy<'v>,
        request: Request<'r>,
        body_start: BodyStart,
        state: State,
    ) -> Self {
        Self {
            policy,
            request,
            body: Body::default(),
            body_start,
            state,
        }
    }

    /// The refusal that is certain already, so that the body need not be read.
    #[must_use]
    pub fn certain_rejection(&self) -> Option<&Rejection> {
        match &self.state {
            State::Settled(Err(rejection)) if !self.policy.waives(rejection) => Some(rejection),
            State::Settled(_) | State::Hashing { .. } => None,
        }
    }

    /// The scheme by which the request is judged, for metrics.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.state.scheme()
    }

    /// Where the next bytes of the body are to be put; has room for at least one, and more is made for `most` at a
    /// time. `left` is how many are still to come, where that is known. [`Self::absorb`] takes what was put there.
    pub fn room(&mut self, left: Option<u64>, most: usize) -> &mut BytesMut {
        self.body.room(left, most)
    }

    /// Takes the bytes that were put into [`Self::room`]; returns how many.
    ///
    /// # Errors
    /// [`Reason::BadRequest`] where the body begins with a byte that it may not begin with.
    pub fn absorb(&mut self) -> Result<u64, Rejection> {
        let is_first = self.body.is_empty();
        let added = self.body.absorb();
        let count = u64::try_from(added.len()).unwrap_or(u64::MAX);
        take(&mut self.state, self.body_start, is_first, added)?;
        Ok(count)
    }

    /// Takes a piece of the body without keeping it: for [`Self::prove`] alone, because what is permitted has its
    /// body with it.
    pub(super) fn hash(&mut self, piece: &[u8]) -> Result<(), Rejection> {
        let is_first = self.body.is_empty();
        self.body.count(piece);
        take(&mut self.state, self.body_start, is_first, piece)
    }

    /// Takes a piece of the body that is at hand; pieces may be cut anywhere.
    ///
    /// # Errors
    /// As [`Self::absorb`].
    pub fn update(&mut self, mut piece: &[u8]) -> Result<(), Rejection> {
        while !piece.is_empty() {
            let left = u64::try_from(piece.len()).ok();
            let room = self.room(left, MAX_PIECE_BYTES);
            let count = room.capacity().saturating_sub(room.len()).min(piece.len());
            let (now, later) = piece.split_at_checked(count).unwrap_or_default();
            room.extend_from_slice(now);
            piece = later;
            self.absorb()?;
        }
        Ok(())
    }

    /// Gives back the memory that the body does not need while nothing of it comes.
    pub fn wait(&mut self) {
        self.body.shrink();
    }

    /// How much of the body has come, in bytes.
    #[must_use]
    pub fn body_len(&self) -> u64 {
        self.body.len()
    }

    /// The memory that the body holds while more is waited for, in bytes.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.body.held()
    }

    /// Decides, once the body is complete.
    ///
    /// # Errors
    /// [`Reason::SignatureMismatch`] or [`Reason::ApiKeyMismatch`], unless the route lets such
    /// requests through. The body comes with it.
    pub fn finish(self) -> Result<Permitted<'r>, Box<Rejected>> {
        let Self {
            policy,
            request,
            body,
            state,
            ..
        } = self;
        match policy.admit(state.verdict(policy, &body)) {
            Ok(permit) => Ok(Permitted::new(permit, request, body)),
            Err(rejection) => Err(Box::new(Rejected { rejection, body })),
        }
    }

    /// Decides, once the body is complete, for whoever has the body already. Nothing is let through.
    pub(super) fn prove(self) -> Result<Verified, Rejection> {
        self.state.verdict(self.policy, &self.body)
    }

    /// Gives up before the body is complete, for what has come of it.
    #[must_use]
    pub fn abandon(self) -> Body {
        self.body
    }
}

impl State {
    fn verdict(self, policy: Policy<'_>, body: &Body) -> Result<Verified, Rejection> {
        let proof = match self {
            Self::Settled(verdict) => verdict,
            Self::Hashing {
                hashing,
                scheme,
                signed_at,
            } => {
                let comparison = hashing.finish();
                wipe::stack();
                match comparison {
                    Comparison::Matched(secret, signature) => Ok(Proof {
                        scheme: scheme.label,
                        secret,
                        signed_at,
                        signature: Some(signature),
                    }),
                    Comparison::Mismatched => Err(Rejection {
                        reason: Reason::SignatureMismatch,
                        scheme: scheme.label,
                        evidence: Evidence::Mismatch {
                            body_bytes: body.len(),
                        },
                    }),
                }
            }
        };
        proof.map(|proof| policy.name(proof))
    }

    /// The scheme by which the request is judged.
    fn scheme(&self) -> &'static str {
        match self {
            Self::Hashing { scheme, .. } => scheme.label,
            Self::Settled(Ok(proof)) => proof.scheme,
            Self::Settled(Err(rejection)) => rejection.scheme,
        }
    }
}

/// Hashes the next piece of a body, unless it is the first and begins with a byte that it may not begin with.
fn take(
    state: &mut State,
    body_start: BodyStart,
    is_first: bool,
    piece: &[u8],
) -> Result<(), Rejection> {
    let first = piece.first().filter(|_| is_first);
    if first.is_some_and(|first| !body_start.allows(*first)) {
        return Err(Rejection {
            reason: Reason::BadRequest,
            scheme: state.scheme(),
            evidence: Evidence::BodyStart,
        });
    }
    if let State::Hashing { hashing, .. } = state {
        hashing.update(piece);
    }
    Ok(())
}
