//! Which of a provider's schemes decides about a request.
//!
//! The rule is the downgrade protection: once a request carries the header of a scheme that is
//! accepted and recognised by its own header (HubSpot v3), nothing weaker is looked at, even if that
//! header is empty. Otherwise an attacker who holds one old v1 or v2 request would strip or spoil
//! the strong signature to be judged by the weak rule.

use super::provider::Provider;
use super::rejection::{Evidence, Rejection};
use super::request::{Occurrence, Request};
use super::scheme::{Scheme, Selector};
use crate::reason::Reason;

/// The scheme that decides and the value of its signature header.
pub(super) struct Selected<'a> {
    pub(super) scheme: &'static Scheme,
    pub(super) signature: &'a [u8],
}

/// Picks the scheme, among `accepted`, by which `request` is to be judged.
pub(super) fn select<'a>(
    provider: &'static Provider,
    accepted: impl Fn(&Scheme) -> bool,
    request: &Request<'a>,
) -> Result<Selected<'a>, Rejection> {
    let reject = |reason, header: &str| Rejection {
        reason,
        scheme: provider.name,
        evidence: Evidence::Name(header.to_owned()),
    };
    for header in provider.headers {
        if matches!(request.header(header), Occurrence::Repeated) {
            return Err(reject(Reason::DuplicateHeader, header));
        }
    }
    let mut candidates = provider.schemes.iter().filter(|scheme| accepted(scheme));
    let own = candidates.find_map(|scheme| match scheme.selector {
        Selector::OwnHeader => match request.header(scheme.signature_header) {
            Occurrence::Once(signature) => Some(Selected { scheme, signature }),
            Occurrence::Absent | Occurrence::Repeated => None,
        },
        Selector::Version(_) => None,
    });
    if let Some(selected) = own {
        return Ok(selected);
    }
    let missing = || {
        let strongest = provider.schemes.iter().find(|scheme| accepted(scheme));
        let header = strongest.map_or("", |scheme| scheme.signature_header);
        reject(Reason::MissingSignature, header)
    };
    let shared = provider.versioned.ok_or_else(missing)?;
    let Occurrence::Once(signature) = request.header(shared.signature) else {
        return Err(missing());
    };
    let sent = match request.header(shared.version) {
        Occurrence::Once(version) => version,
        Occurrence::Absent | Occurrence::Repeated => {
            return Err(reject(Reason::UnacceptedVersion, shared.version));
        }
    };
    let unaccepted = || Rejection {
        reason: Reason::UnacceptedVersion,
        scheme: provider.name,
        evidence: Evidence::version(shared.version, sent),
    };
    provider
        .schemes
        .iter()
        .filter(|scheme| accepted(scheme))
        .find(|scheme| {
            matches!(scheme.selector, Selector::Version(version) if version.as_bytes() == sent)
        })
        .map(|scheme| Selected { scheme, signature })
        .ok_or_else(unaccepted)
}
