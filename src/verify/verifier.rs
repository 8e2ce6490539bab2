//! The verifier of one route: what it accepts, and the two steps of judging a request.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::api_key::{API_KEY, ApiKeyCheck, ApiKeyLocation};
use super::body_start::BodyStart;
use super::encoding::Digest;
use super::engine::Hashing;
use super::mac::Mac;
use super::message::Message;
use super::provider::Provider;
use super::rejection::{Evidence, Rejection};
use super::request::{Occurrence, Request};
use super::scheme::Scheme;
use super::secret::{Secret, is_valid};
use super::select::{Selected, select};
use super::timestamp::{Freshness, Timestamp};
use super::uri::PublicUri;
use super::verification::{Policy, Proof, State, Verification};
use crate::reason::Reason;
use crate::wipe;

/// What a route that verifies signatures accepts.
#[derive(Clone, Copy, Debug)]
pub struct SignatureSettings<'a> {
    /// Who sends.
    pub provider: &'static Provider,
    /// The accepted versions, as in [`Scheme::version`]; ignored where a provider has one scheme.
    pub versions: &'a [String],
    /// How old or early a signed timestamp may be.
    pub freshness: Freshness,
    /// What the body of a request may begin with whose URL is signed right before it.
    pub body_start: BodyStart,
    /// The secrets, in the order in which they are reported.
    pub secrets: &'a [Secret],
}

/// What a route that takes an API key accepts.
#[derive(Clone, Debug)]
pub struct ApiKeySettings<'a> {
    /// Where the key is sent.
    pub location: ApiKeyLocation,
    /// The keys.
    pub keys: &'a [Secret],
}

/// Judges requests of one route. Holds keyed hash states, and of API keys the keys.
pub struct Verifier {
    credential: Credential,
    secret_ids: Vec<Arc<str>>,
    not_after: Vec<Option<Timestamp>>,
    enforce: bool,
}

enum Credential {
    Signature {
        provider: &'static Provider,
        accepted: Vec<AcceptedScheme>,
        freshness: Freshness,
        body_start: BodyStart,
    },
    ApiKey(ApiKeyCheck),
}

struct AcceptedScheme {
    scheme: &'static Scheme,
    /// A keyed state for each secret, in the order of the secrets.
    keys: Vec<Mac>,
}

impl Verifier {
    /// A verifier of signatures. With `enforce` off, requests that fail to prove their sender get a
    /// permit that says so.
    #[must_use]
    pub fn for_signatures(settings: SignatureSettings<'_>, enforce: bool) -> Self {
        let SignatureSettings {
            provider,
            versions,
            freshness,
            body_start,
            secrets,
        } = settings;
        let single = provider.schemes.len() == 1;
        let accepted = provider
            .schemes
            .iter()
            .filter(|scheme| single || versions.iter().any(|version| version == scheme.version))
            .map(|scheme| AcceptedScheme {
                scheme,
                keys: secrets
                    .iter()
                    .map(|secret| Mac::new(scheme.mac, secret.value.expose_secret().as_bytes()))
                    .collect(),
            })
            .collect();
        Self {
            credential: Credential::Signature {
                provider,
                accepted,
                freshness,
                body_start,
            },
            secret_ids: ids(secrets),
            not_after: secrets.iter().map(|secret| secret.not_after).collect(),
            enforce,
        }
    }

    /// A verifier of API keys; `enforce` as in [`Self::for_signatures`].
    #[must_use]
    pub fn for_api_keys(settings: ApiKeySettings<'_>, enforce: bool) -> Self {
        Self {
            secret_ids: ids(settings.keys),
            not_after: settings.keys.iter().map(|key| key.not_after).collect(),
            credential: Credential::ApiKey(ApiKeyCheck::new(settings.location, settings.keys)),
            enforce,
        }
    }

    /// The label of requests whose scheme is not known (yet).
    #[must_use]
    pub fn initial_label(&self) -> &'static str {
        match &self.credential {
            Credential::Signature { provider, .. } => provider.name,
            Credential::ApiKey(_) => API_KEY,
        }
    }

    /// Whether an accepted scheme signs the public URL.
    #[must_use]
    pub fn signs_uri(&self) -> bool {
        match &self.credential {
            Credential::Signature { accepted, .. } => {
                accepted.iter().any(|accepted| accepted.scheme.signs_uri())
            }
            Credential::ApiKey(_) => false,
        }
    }

    /// Whether the accepted scheme with this label signs the public URL.
    #[must_use]
    pub fn signs_uri_by(&self, label: &str) -> bool {
        match &self.credential {
            Credential::Signature { accepted, .. } => accepted
                .iter()
                .any(|accepted| accepted.scheme.label == label && accepted.scheme.signs_uri()),
            Credential::ApiKey(_) => false,
        }
    }

    /// Whether a request is let through that has this reason for a refusal.
    #[must_use]
    pub fn waives(&self, reason: Reason) -> bool {
        !self.enforce && reason.is_waivable()
    }

    /// The ids of all secrets, in order.
    #[must_use]
    pub fn secret_ids(&self) -> &[Arc<str>] {
        &self.secret_ids
    }

    /// The ids of the secrets that are tried at `now`, in order.
    pub fn secrets_tried(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let ids = self.secret_ids.iter().zip(&self.not_after);
        ids.filter(move |(_, not_after)| is_valid(**not_after, now))
            .map(|(id, _)| &**id)
    }

    /// Judges what the header alone tells, at the time `now`. `uri` is the public URL; `None` only where
    /// no accepted scheme signs it.
    ///
    /// # Errors
    /// The first thing that is wrong with the header, unless the route lets such requests through.
    pub fn begin<'r>(
        &self,
        request: Request<'r>,
        uri: Option<PublicUri<'_>>,
        now: Timestamp,
    ) -> Result<Verification<'_, 'r>, Rejection> {
        let policy = Policy {
            secret_ids: &self.secret_ids,
            enforce: self.enforce,
        };
        let state = match &self.credential {
            Credential::Signature {
                provider,
                accepted,
                freshness,
                ..
            } => {
                let keyring = Keyring {
                    accepted,
                    not_after: &self.not_after,
                };
                begin_signature(provider, keyring, *freshness, request, uri, now)
            }
            Credential::ApiKey(check) => self.find_api_key(check, &request, now),
        };
        let state = match state {
            Ok(state) => state,
            Err(rejection) if policy.waives(&rejection) => State::Settled(Err(rejection)),
            Err(rejection) => return Err(rejection),
        };
        let body_start = match (&state, &self.credential) {
            (State::Hashing { scheme, .. }, Credential::Signature { body_start, .. })
                if scheme.signs_uri_before_body() =>
            {
                *body_start
            }
            _ => BodyStart::Any,
        };
        Ok(Verification::new(policy, request, body_start, state))
    }

    fn find_api_key(
        &self,
        check: &ApiKeyCheck,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<State, Rejection> {
        let credential = check.credential(request)?;
        let is_valid = |not_after: &Option<Timestamp>| is_valid(*not_after, now);
        let valid = self.not_after.iter().map(is_valid);
        let found = check.matches(credential.as_ref(), valid);
        Ok(State::Settled(match found {
            Some(secret) => Ok(Proof {
                scheme: API_KEY,
                secret,
                signed_at: None,
                signature: None,
            }),
            None => Err(Rejection {
                reason: Reason::ApiKeyMismatch,
                scheme: API_KEY,
                evidence: Evidence::None,
            }),
        }))
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("scheme", &self.initial_label())
            .field("secrets", &self.secret_ids)
            .field("enforce", &self.enforce)
            .finish()
    }
}

fn ids(secrets: &[Secret]) -> Vec<Arc<str>> {
    secrets
        .iter()
        .map(|secret| Arc::clone(&secret.id))
        .collect()
}

/// The keys of a route, by scheme.
#[derive(Clone, Copy)]
struct Keyring<'a> {
    accepted: &'a [AcceptedScheme],
    not_after: &'a [Option<Timestamp>],
}

impl<'a> Keyring<'a> {
    fn find(self, wanted: &Scheme) -> Option<&'a AcceptedScheme> {
        let mut accepted = self.accepted.iter();
        accepted.find(|accepted| accepted.scheme.label == wanted.label)
    }

    /// The keys of a scheme that are valid at `now`, each with the index of its secret.
    fn keys(self, scheme: &Scheme, now: Timestamp) -> impl Iterator<Item = (u32, &'a Mac)> + Clone {
        let keys = self.find(scheme).map_or(&[][..], |found| &found.keys);
        (0_u32..)
            .zip(keys)
            .zip(self.not_after)
            .filter(move |(_, not_after)| is_valid(**not_after, now))
            .map(|(key, _)| key)
    }
}

fn begin_signature(
    provider: &'static Provider,
    keyring: Keyring<'_>,
    freshness: Freshness,
    request: Request<'_>,
    uri: Option<PublicUri<'_>>,
    now: Timestamp,
) -> Result<State, Rejection> {
    let Selected { scheme, signature } =
        select(provider, |scheme| keyring.find(scheme).is_some(), &request)?;
    let reject = |reason, evidence| Rejection {
        reason,
        scheme: scheme.label,
        evidence,
    };
    let Some(presented) = Digest::decode(signature, scheme.encoding) else {
        let name = scheme.signature_header.to_owned();
        return Err(reject(Reason::MalformedSignature, Evidence::Name(name)));
    };
    let (timestamp, signed_at) = match scheme.timestamp_header {
        None => (&b""[..], None),
        Some(header) => {
            let Occurrence::Once(value) = request.header(header) else {
                let name = header.to_owned();
                return Err(reject(Reason::MissingTimestamp, Evidence::Name(name)));
            };
            let refuse = |reason| reject(reason, Evidence::time(value, now));
            let signed_at =
                Timestamp::parse(value).ok_or_else(|| refuse(Reason::MalformedTimestamp))?;
            freshness.check(signed_at, now).map_err(refuse)?;
            (value, Some(signed_at))
        }
    };
    let keys = keyring.keys(scheme, now);
    let message = Message {
        method: request.method,
        timestamp,
    };
    let hashing = Hashing::start(scheme, keys, message, uri, presented);
    wipe::stack();
    Ok(State::Hashing {
        hashing,
        scheme,
        signed_at,
    })
}
