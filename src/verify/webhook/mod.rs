//! Verification for apps: one call for a request that is at hand, and the same in steps for a body that comes in
//! pieces.
//!
//! The engine beside it is the proxy's: it keeps the body, to forward it, and lets requests through where a route
//! says so. An app has the body already and wants to know who sent it. So there is nothing here that lets a request
//! through, and what the proxy checks of a URL before it verifies is checked here as well.

mod builder;
mod request;

pub use builder::{SetupError, WebhookVerifierBuilder};
pub use request::WebhookRequest;

use super::permit::Verified;
use super::provider::Provider;
use super::rejection::Rejection;
use super::timestamp::Timestamp;
use super::verification::Verification;
use super::verifier::Verifier;

/// Verifies webhooks of one kind, with the secrets of one endpoint.
///
/// It is made once and used by many threads: share it in an [`Arc`](std::sync::Arc). It holds secrets, or what is as
/// good as they are for signing, wipes them when it is dropped, and shows nothing of them in `Debug`.
///
/// Each secret is tried on each request, and comparing takes the same time whatever was sent.
///
/// A request that verifies may have come before. Where [`Verified::signed_at`] is there, remember
/// [`Verified::signature`] for as long as a request of that time passes ([`WebhookVerifierBuilder::max_age`] and
/// [`WebhookVerifierBuilder::max_skew`] together), to take each request once. Where it is not, nothing tells when
/// the request was made.
#[derive(Debug)]
pub struct WebhookVerifier(Verifier);

impl WebhookVerifier {
    /// Of requests that a provider signs: `hookward::providers::HUBSPOT` or `TWENTY`.
    pub fn signed_by(provider: &'static Provider) -> WebhookVerifierBuilder {
        WebhookVerifierBuilder::signed_by(provider)
    }

    /// Of requests that carry one of several shared keys as the whole value of this header, such as `X-Api-Key`. A key
    /// tells who sent a request, and nothing of its content or its time.
    pub fn with_api_key_in_header(name: &str) -> WebhookVerifierBuilder {
        WebhookVerifierBuilder::with_api_key_in_header(name)
    }

    /// The same in a parameter of the query, such as `api_key`: its name and value are compared decoded.
    pub fn with_api_key_in_query(name: &str) -> WebhookVerifierBuilder {
        WebhookVerifierBuilder::with_api_key_in_query(name)
    }

    /// Judges a request whose body is whole and as it came: bytes that were parsed and written again do not verify.
    /// `now` is the present time, or that at which a stored request was received.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order of [`Reason`](super::Reason). Do not tell it to the sender.
    pub fn verify(
        &self,
        request: &WebhookRequest<'_>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Verified, Rejection> {
        let mut verification = self.begin(request, now)?;
        verification.update(body)?;
        verification.finish()
    }

    /// Judges what the header alone tells; the body follows in pieces. Whoever calls this before reading the body
    /// reads none of a request that has no chance.
    ///
    /// # Errors
    /// As [`Self::verify`], but for what needs the body.
    pub fn begin<'r>(
        &'r self,
        request: &'r WebhookRequest<'_>,
        now: Timestamp,
    ) -> Result<WebhookVerification<'r>, Rejection> {
        let (seen, uri) = request.parts(&self.0)?;
        let verification = self.0.begin(seen, Some(uri), now)?;
        match verification.certain_rejection() {
            Some(rejection) => Err(rejection.clone()),
            None => Ok(WebhookVerification {
                verification,
                refused: None,
            }),
        }
    }
}

/// A request whose header passed and whose body is still to come. Nothing of the body is kept.
#[must_use = "a request is verified once this is finished"]
pub struct WebhookVerification<'r> {
    verification: Verification<'r, 'r>,
    /// A piece was refused, and so is what it is a piece of.
    refused: Option<Rejection>,
}

impl WebhookVerification<'_> {
    /// Takes the next piece of the body, of any length.
    ///
    /// # Errors
    /// [`Reason::BadRequest`](super::Reason::BadRequest) where the first byte of the body can be the last of a signed
    /// URL: [`WebhookVerifierBuilder::any_body_start`]. No later piece mends that: each is refused in the same way, and
    /// so is the request, by [`finish`](Self::finish).
    pub fn update(&mut self, piece: &[u8]) -> Result<(), Rejection> {
        if let Some(rejection) = &self.refused {
            return Err(rejection.clone());
        }
        let hashed = self.verification.hash(piece);
        self.refused = hashed.as_ref().err().cloned();
        hashed
    }

    /// Decides, once the body is complete.
    ///
    /// # Errors
    /// [`Reason::SignatureMismatch`](super::Reason::SignatureMismatch), or what [`update`](Self::update) returned.
    pub fn finish(self) -> Result<Verified, Rejection> {
        match self.refused {
            Some(rejection) => Err(rejection),
            None => self.verification.prove(),
        }
    }
}

impl std::fmt::Debug for WebhookVerification<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookVerification")
            .field("scheme", &self.verification.scheme())
            .field("body_len", &self.verification.body_len())
            .finish()
    }
}
