//! A request as an app has it: a method, a URL as a text, and headers of whatever type.

use crate::http1::fields::{Field, Fields, is_token_byte};
use crate::http1::host;
use crate::http1::target::{Target, TargetError};
use crate::reason::Reason;
use crate::verify::rejection::{Evidence, Rejection};
use crate::verify::request::Request;
use crate::verify::uri::PublicUri;
use crate::verify::verifier::Verifier;

/// A request, except its body.
#[derive(Clone)]
pub struct WebhookRequest<'a> {
    method: &'a str,
    url: &'a str,
    headers: Vec<Field<'a>>,
}

impl<'a> WebhookRequest<'a> {
    /// The method as it was sent (`POST`), the whole URL that the sender called, and the headers.
    ///
    /// The URL is what the sender has in its settings, with the path and query as they were received:
    /// `https://hooks.example.com/in?x=%2F`. Take its beginning from your configuration: behind a proxy that ends
    /// TLS the app sees another scheme and another host, and whoever sends a request chooses its `Host`. Nothing of
    /// the URL may be decoded or put in order.
    ///
    /// The headers are names and values: an `&http::HeaderMap`, an array of texts, or whatever yields pairs of
    /// references. All lines must be there, in their order and without the blanks around their values: a signature
    /// that was sent twice is refused, and a map that keeps one of them would hide it.
    #[must_use]
    pub fn new<N, V>(
        method: &'a str,
        url: &'a str,
        headers: impl IntoIterator<Item = (&'a N, &'a V)>,
    ) -> Self
    where
        N: AsRef<[u8]> + ?Sized + 'a,
        V: AsRef<[u8]> + ?Sized + 'a,
    {
        let headers = headers.into_iter().map(|(name, value)| Field {
            name: name.as_ref(),
            value: value.as_ref(),
        });
        Self {
            method,
            url,
            headers: headers.collect(),
        }
    }

    /// What the engine is given to see, once the URL has passed.
    pub(super) fn parts(
        &self,
        verifier: &Verifier,
    ) -> Result<(Request<'_>, PublicUri<'_>), Rejection> {
        let refuse = |reason, words| Rejection {
            reason,
            scheme: verifier.initial_label(),
            evidence: Evidence::Words(words),
        };
        // RFC 9110 section 9.1: else the beginning of a signed URL could pass for the end of a method.
        if self.method.is_empty() || !self.method.bytes().all(is_token_byte) {
            return Err(refuse(Reason::BadRequest, "the method is no token"));
        }
        let target = target_of(self.url).ok_or_else(|| {
            refuse(
                Reason::BadRequest,
                "the URL is not `http://` or `https://` with a host and a path",
            )
        })?;
        let checked = target.check().and_then(|()| {
            if verifier.signs_uri() {
                target.check_signed()
            } else {
                Ok(())
            }
        });
        checked.map_err(|error| refuse(Reason::BadTarget, in_words(error)))?;
        let seen = Request {
            method: self.method,
            target,
            headers: Fields::from(&*self.headers),
        };
        Ok((seen, PublicUri::from_base(self.url, b"")))
    }
}

impl std::fmt::Debug for WebhookRequest<'_> {
    /// Shows no more than the method: a query or a header may be a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookRequest")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// What follows the host of a URL; `None` where that is no host or does not begin with `/`. So a signed URL begins
/// with a letter, and nothing can move between it and the method.
fn target_of(url: &str) -> Option<Target<'_>> {
    let rest = url.strip_prefix("https://");
    let rest = rest.or_else(|| url.strip_prefix("http://"))?;
    let (host, target) = rest.split_at_checked(rest.find('/')?)?;
    let target = Target::parse(target.as_bytes()).ok()?;
    host::is_sound(host.as_bytes()).then_some(target)
}

const fn in_words(error: TargetError) -> &'static str {
    match error {
        TargetError::NotOriginForm => "the path does not begin with `/`",
        TargetError::Bytes => "the URL has a byte, or in its path a `%`, that no URL may have",
        TargetError::DotSegment => "the path has a dot segment",
        TargetError::Unsignable => {
            "the URL has what a signed one may not have: `%2F`, `%5C` or `%3F` in its path, or `[` or `{`"
        }
    }
}
