//! What an app accepts, and what is wrong with that.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use secrecy::{ExposeSecret, SecretString};

use super::WebhookVerifier;
use crate::verify::api_key::ApiKeyLocation;
use crate::verify::body_start::BodyStart;
use crate::verify::provider::Provider;
use crate::verify::secret::Secret;
use crate::verify::timestamp::{Freshness, Timestamp};
use crate::verify::verifier::{ApiKeySettings, SignatureSettings, Verifier};
use crate::wipe;

/// How old or early a signed timestamp may be where nothing else is said: HubSpot's documentation says five minutes.
const WINDOW: Duration = Duration::from_secs(5 * 60);

/// Collects what a [`WebhookVerifier`] accepts.
#[derive(Debug)]
#[must_use = "nothing is verified until this is built"]
pub struct WebhookVerifierBuilder {
    credential: Credential,
    secrets: Vec<Secret>,
    freshness: Freshness,
    body_start: BodyStart,
}

#[derive(Debug)]
enum Credential {
    Signature {
        provider: &'static Provider,
        versions: Vec<String>,
    },
    ApiKey(Result<ApiKeyLocation, SetupError>),
}

/// Why no verifier could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// There is no secret.
    #[error("there is no secret: add one with `secret`")]
    NoSecret,
    /// The secret with this id is empty, so that everybody could sign.
    #[error("the secret `{0}` is empty, so that everybody could sign: give the sender's")]
    EmptySecret(String),
    /// The secret with this id ends in a line break, as what was read from a file does. No sender's secret has one, so
    /// nothing would ever match.
    #[error(
        "the secret `{0}` ends in a line break, which is no part of it: leave it out, as `trim_end` does"
    )]
    LineBreak(String),
    /// Two secrets have this id.
    #[error("two secrets are called `{0}`: give each a name of its own")]
    SameId(String),
    /// No version is accepted.
    #[error("no version is accepted: leave `versions` out, or name one")]
    NoVersion,
    /// The provider has no such version.
    #[non_exhaustive]
    #[error("there is no version `{version}`; there are: {known}")]
    UnknownVersion {
        /// What was asked for.
        version: String,
        /// Those that there are, with commas between them.
        known: String,
    },
    /// The name of the header with the API key is none.
    #[error("`{0}` is no name of a header, such as `X-Api-Key`")]
    HeaderName(String),
    /// The name of the query parameter with the API key is none: it is empty, or written with a `%`.
    #[error(
        "`{0}` is no name of a query parameter: write it decoded, without `%`, such as `api_key`"
    )]
    ParameterName(String),
}

impl WebhookVerifierBuilder {
    pub(super) fn signed_by(provider: &'static Provider) -> Self {
        let strongest = provider.schemes.first();
        Self::new(Credential::Signature {
            provider,
            versions: strongest
                .map(|scheme| scheme.version.to_owned())
                .into_iter()
                .collect(),
        })
    }

    pub(super) fn with_api_key_in_header(name: &str) -> Self {
        let location = HeaderName::from_bytes(name.as_bytes()).map(ApiKeyLocation::Header);
        let location = location.map_err(|_| SetupError::HeaderName(name.to_owned()));
        Self::new(Credential::ApiKey(location))
    }

    pub(super) fn with_api_key_in_query(name: &str) -> Self {
        let is_name = !name.is_empty() && !name.contains('%');
        Self::new(Credential::ApiKey(if is_name {
            Ok(ApiKeyLocation::Query(name.to_owned()))
        } else {
            Err(SetupError::ParameterName(name.to_owned()))
        }))
    }

    fn new(credential: Credential) -> Self {
        Self {
            credential,
            secrets: Vec::new(),
            freshness: Freshness {
                max_age: WINDOW,
                max_skew: WINDOW,
            },
            body_start: BodyStart::Json,
        }
    }

    /// Adds a secret: HubSpot's client secret of the app, the secret of a Twenty webhook, or an API key. Its UTF-8
    /// bytes are the key, as they are. `id` is the name under which it is reported, and none of the secret.
    ///
    /// What is taken over is wiped: a [`String`] without spare capacity, a [`SecretString`], or the copy of a text that
    /// is borrowed.
    pub fn secret(self, id: &str, secret: impl Into<SecretString>) -> Self {
        self.add(id, secret.into(), None)
    }

    /// Adds a secret that is being replaced: `not_after` is the last millisecond at which it matches, compared with
    /// the time that is given for each request.
    pub fn retiring_secret(
        self,
        id: &str,
        secret: impl Into<SecretString>,
        not_after: Timestamp,
    ) -> Self {
        self.add(id, secret.into(), Some(not_after))
    }

    fn add(mut self, id: &str, value: SecretString, not_after: Option<Timestamp>) -> Self {
        self.secrets.push(Secret {
            id: Arc::from(id),
            value,
            not_after,
        });
        self
    }

    /// The versions of a provider's signatures that are accepted; the strongest alone where this is not called. For
    /// HubSpot `v3`, `v2` and `v1`: a request of `v2` or `v1` can be sent again at any time, and `v1` proves
    /// nothing of the URL. A provider with one version, as Twenty, has that one, whose name is the provider's; of
    /// API keys this means nothing.
    ///
    /// A request that has the header of a version that is accepted and has a header of its own (`v3`) is judged by
    /// that alone, whatever else it has.
    pub fn versions<'v>(mut self, accepted: impl IntoIterator<Item = &'v str>) -> Self {
        if let Credential::Signature { versions, .. } = &mut self.credential {
            *versions = accepted.into_iter().map(str::to_owned).collect();
        }
        self
    }

    /// How old a signed time may be, in whole milliseconds, itself included; five minutes where this is not called,
    /// as HubSpot's "Validating requests" says. Means nothing where no time is signed.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.freshness.max_age = max_age;
        self
    }

    /// How far ahead of the time that is given a signed time may be, itself included; five minutes where this is not
    /// called.
    pub fn max_skew(mut self, max_skew: Duration) -> Self {
        self.freshness.max_skew = max_skew;
        self
    }

    /// Takes bodies that begin with anything, where the URL is signed right before the body: HubSpot's `v3` and `v2`.
    ///
    /// HubSpot puts nothing between the two, so that whoever has seen a request can move bytes from one to the other
    /// and the signature still matches. Where this is not called they cannot: a body that is neither empty nor begins
    /// as JSON's objects, lists and texts do is refused, with [`Evidence::BodyStart`]. Call it where HubSpot sends
    /// something else than JSON and the app does not act on the URL. Means nothing of other signatures and of keys.
    ///
    /// [`Evidence::BodyStart`]: crate::verify::Evidence::BodyStart
    pub fn any_body_start(mut self) -> Self {
        self.body_start = BodyStart::Any;
        self
    }

    /// The verifier. The secrets are wiped; what it keeps of them is wiped when it is dropped.
    ///
    /// # Errors
    /// What is wrong with the secrets, the versions or the name of a key's place, the first thing alone.
    pub fn build(self) -> Result<WebhookVerifier, SetupError> {
        self.check()?;
        let verifier = self.make()?;
        drop(self);
        wipe::stack();
        Ok(WebhookVerifier(verifier))
    }

    fn check(&self) -> Result<(), SetupError> {
        if self.secrets.is_empty() {
            return Err(SetupError::NoSecret);
        }
        for (index, secret) in self.secrets.iter().enumerate() {
            let value = secret.value.expose_secret();
            if value.is_empty() {
                return Err(SetupError::EmptySecret(secret.id.to_string()));
            }
            if value.ends_with(['\n', '\r']) {
                return Err(SetupError::LineBreak(secret.id.to_string()));
            }
            let mut earlier = self.secrets.iter().take(index);
            if earlier.any(|earlier| earlier.id == secret.id) {
                return Err(SetupError::SameId(secret.id.to_string()));
            }
        }
        match &self.credential {
            Credential::Signature { provider, versions } => check_versions(provider, versions),
            // Its place is looked at where it is used.
            Credential::ApiKey(_) => Ok(()),
        }
    }

    /// Never inlined, so that what it leaves on the stack lies where [`wipe::stack`] overwrites it.
    #[inline(never)]
    fn make(&self) -> Result<Verifier, SetupError> {
        Ok(match &self.credential {
            Credential::Signature { provider, versions } => Verifier::for_signatures(
                SignatureSettings {
                    provider,
                    versions,
                    freshness: self.freshness,
                    body_start: self.body_start,
                    secrets: &self.secrets,
                },
                true,
            ),
            Credential::ApiKey(location) => Verifier::for_api_keys(
                ApiKeySettings {
                    location: location.clone()?,
                    keys: &self.secrets,
                },
                true,
            ),
        })
    }
}

fn check_versions(provider: &Provider, accepted: &[String]) -> Result<(), SetupError> {
    if accepted.is_empty() {
        return Err(SetupError::NoVersion);
    }
    let known = || provider.schemes.iter().map(|scheme| scheme.version);
    let unknown = accepted
        .iter()
        .find(|version| !known().any(|known| known == version.as_str()));
    match unknown {
        Some(version) => Err(SetupError::UnknownVersion {
            version: version.clone(),
            known: known().collect::<Vec<_>>().join(", "),
        }),
        None => Ok(()),
    }
}
