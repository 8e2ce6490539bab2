//! Where a provider called: scheme and host of the signed URL, configured or reported.

use std::borrow::Cow;

use crate::active::Route;
use crate::http1::target::Target;
use crate::verify::PublicUri;

/// Scheme and host of the URL that was called.
pub(super) enum SignedOrigin {
    /// The route's `public_url` says so.
    Configured,
    /// A trusted proxy, or the `Host` header, says so.
    Reported { scheme: &'static str, host: String },
}

impl SignedOrigin {
    /// The URL that was called.
    pub(super) fn uri<'a>(&'a self, route: &'a Route, target: Target<'a>) -> PublicUri<'a> {
        match (self, &route.public_url) {
            (Self::Reported { scheme, host }, _) => {
                PublicUri::from_parts(scheme, host, target.raw())
            }
            (Self::Configured, Some(public)) if public.has_path => {
                PublicUri::from_base(&public.base, target.after(route.matched_len))
            }
            (Self::Configured, public) => {
                let base = public.as_ref().map_or("", |public| &public.base);
                PublicUri::from_base(base, target.raw())
            }
        }
    }

    /// The path of the URL that was called, for logs.
    pub(super) fn path<'a>(&self, route: &Route, target: Target<'a>) -> Cow<'a, [u8]> {
        match (self, &route.public_url) {
            (Self::Configured, Some(public)) if public.has_path => {
                let rest = target.path().get(route.matched_len..).unwrap_or_default();
                [public.path().as_bytes(), rest].concat().into()
            }
            _ => target.path().into(),
        }
    }

    /// Scheme and host, for logs.
    pub(super) fn text(&self, route: &Route) -> String {
        match self {
            Self::Configured => {
                let public = route.public_url.as_ref();
                public.map_or(String::new(), |public| public.origin().to_owned())
            }
            Self::Reported { scheme, host } => format!("{scheme}://{host}"),
        }
    }
}
