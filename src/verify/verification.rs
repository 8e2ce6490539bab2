//! A request between its header and its verdict.

use super::engine::{Hashing, Outcome};
use super::permit::Permit;
use super::rejection::{Evidence, Rejection};
use super::scheme::Scheme;
use super::timestamp::Timestamp;
use super::verifier::Verifier;
use crate::reason::Reason;
use crate::wipe;

/// What was proved, before the secret's index becomes its id.
pub(super) struct Proof {
    pub(super) scheme: &'static str,
    pub(super) secret: u32,
    pub(super) signed_at: Option<Timestamp>,
}

impl Proof {
    pub(super) const fn new(
        scheme: &'static str,
        secret: u32,
        signed_at: Option<Timestamp>,
    ) -> Self {
        Self {
            scheme,
            secret,
            signed_at,
        }
    }
}

/// A request whose header passed and whose body is still to come.
pub struct Verification<'v> {
    pub(super) verifier: &'v Verifier,
    pub(super) state: State,
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

impl Verification<'_> {
    /// The refusal that is certain already, so that the body need not be read.
    #[must_use]
    pub fn certain_rejection(&self) -> Option<&Rejection> {
        match &self.state {
            State::Settled(Err(rejection)) if !self.verifier.waives(rejection) => Some(rejection),
            State::Settled(_) | State::Hashing { .. } => None,
        }
    }

    /// The scheme by which the request is judged, for metrics.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match &self.state {
            State::Hashing { scheme, .. } => scheme.label,
            State::Settled(Ok(proof)) => proof.scheme,
            State::Settled(Err(rejection)) => rejection.scheme,
        }
    }

    /// Takes the next piece of the body; pieces may be cut anywhere.
    pub fn update(&mut self, chunk: &[u8]) {
        if let State::Hashing { hashing, .. } = &mut self.state {
            hashing.update(chunk);
        }
    }

    /// Decides, the body being complete.
    ///
    /// # Errors
    /// [`Reason::SignatureMismatch`] or [`Reason::ApiKeyMismatch`], unless the route lets such
    /// requests through.
    pub fn finish(self) -> Result<Permit, Rejection> {
        let outcome = match self.state {
            State::Settled(outcome) => outcome,
            State::Hashing {
                hashing,
                scheme,
                signed_at,
            } => {
                let outcome = hashing.finish();
                wipe::stack();
                match outcome {
                    Outcome::Matched(secret) => Ok(Proof::new(scheme.label, secret, signed_at)),
                    Outcome::Mismatched { body_bytes } => Err(Rejection {
                        reason: Reason::SignatureMismatch,
                        scheme: scheme.label,
                        evidence: Evidence::Mismatch { body_bytes },
                    }),
                }
            }
        };
        self.verifier.admit(outcome)
    }
}
