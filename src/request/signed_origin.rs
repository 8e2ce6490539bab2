//! Where a provider called: scheme and host of the signed URL, configured or reported.

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

    /// Scheme, host and path of the URL that was called, for the operator: where a signature does not
    /// match, this is what was signed of it, and what may differ from what the provider called.
    pub(super) fn shown(&self, route: &Route, target: Target<'_>) -> (String, String) {
        let path = |bytes: &[u8]| bytes.escape_ascii().to_string();
        match (self, &route.public_url) {
            (Self::Reported { scheme, host }, _) => {
                (format!("{scheme}://{host}"), path(target.path()))
            }
            (Self::Configured, Some(public)) => {
                let origin = public.origin();
                let own_path = public.base.get(origin.len()..).unwrap_or_default();
                let rest = if public.has_path {
                    target.path().get(route.matched_len..).unwrap_or_default()
                } else {
                    target.path()
                };
                (origin.to_owned(), format!("{own_path}{}", path(rest)))
            }
            (Self::Configured, None) => (String::new(), path(target.path())),
        }
    }
}
