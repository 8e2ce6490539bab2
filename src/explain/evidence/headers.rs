//! Headers that are missing, doubled, under another name, or not written as they should be.

use super::{is_signed, told};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::mistakes::signature;
use crate::explain::supposed::Supposed;
use crate::explain::told::Told;
use crate::verify::{Provider, presented};

/// How many values are tried as the signature that came under another name.
const MAX_TRIED: usize = 16;

/// A header of the provider that came more than once.
pub(super) fn doubled(case: &Case<'_>) -> Vec<Told> {
    let headers = case.provider.headers.iter();
    let found = headers.filter_map(|name| {
        let fields = case.capture.fields.iter();
        let values: Vec<&[u8]> = fields
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| &**value)
            .collect();
        let first = values.first().filter(|_| values.len() > 1)?;
        let are_same = values.iter().all(|value| value == first);
        let which = if are_same {
            "the same value"
        } else {
            "different values"
        };
        Some(told(
            Finding::HeaderDoubled,
            fix_doubled(case, name, values.len(), which),
        ))
    });
    found.take(1).collect()
}

fn fix_doubled(case: &Case<'_>, name: &str, times: usize, which: &str) -> String {
    format!(
        "{name} came {times} times, with {which}; {} sends it once. Let the proxy before hookward pass it on and \
         not add it, or set it instead of adding to it.",
        case.provider.known.display_name
    )
}

/// No signature came.
pub(super) fn missing_signature(case: &Case<'_>) -> Vec<Told> {
    let name = case.received.scheme.signature_header;
    let mut found: Vec<Told> = Vec::new();
    let expected = case.accepted.iter().map(|scheme| scheme.signature_header);
    let mut like = expected.filter_map(|name| Some((name, renamed(case, name)?)));
    let signed = elsewhere(case).map(|other| (name, other));
    if let Some((name, other)) = signed.or_else(|| like.next()) {
        found.push(told(Finding::HeaderRenamed, fix_renamed(name, other)));
        return found;
    }
    found.extend(of_other_version(case));
    if !found.is_empty() {
        return found;
    }
    let headers = case.provider.headers.iter();
    let there: Vec<&str> = headers
        .copied()
        .filter(|name| case.header(name).is_some())
        .collect();
    let there = if there.is_empty() {
        "none of its other headers did either".to_owned()
    } else {
        format!("{} did", there.join(", "))
    };
    let provider = case.provider.known.display_name;
    let fix = format!(
        "{name} did not come; {there}. Either {provider} does not sign this request (no secret is set there, or \
         signing is off for this webhook), or what is before hookward removes the header, or somebody else calls."
    );
    found.push(told(Finding::HeaderMissing, fix));
    found
}

/// A signature of a version that the route does not accept.
fn of_other_version(case: &Case<'_>) -> Option<Told> {
    let is_accepted = |label| case.accepted.iter().any(|scheme| scheme.label == label);
    let mut others = case.provider.schemes.iter();
    let other = others.find(|scheme| {
        !is_accepted(scheme.label) && case.header(scheme.signature_header).is_some()
    })?;
    let fix = format!(
        "The request came with {} and is signed by {} alone, which route `{}` does not accept: add \"{}\" to \
         `versions` under its [route.verify].",
        other.signature_header, other.version, case.route.name, other.version
    );
    Some(told(Finding::Version, fix))
}

/// A signature that cannot be read.
pub(super) fn malformed_signature(case: &Case<'_>) -> Vec<Told> {
    let scheme = case.received.scheme;
    let name = scheme.signature_header;
    let Some(value) = signature::misspelt(case, scheme).next() else {
        return Vec::new();
    };
    if value.is_empty() {
        let fix = format!(
            "{name} came empty. What is before hookward sets it from something that is not there: let it pass on \
             the header as it came."
        );
        return vec![told(Finding::HeaderMissing, fix)];
    }
    // Some proxies make one field of two (RFC 9110 section 5.3).
    let mut parts = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let count = parts.clone().count();
    if count > 1 && parts.clone().all(|part| presented(scheme, part).is_some()) {
        let first = parts.next();
        let are_same = parts.all(|part| Some(part) == first);
        let which = if are_same {
            "the same value, joined by commas"
        } else {
            "different values, joined by commas"
        };
        return vec![told(
            Finding::HeaderDoubled,
            fix_doubled(case, name, count, which),
        )];
    }
    if signature::writing(value).is_none() {
        return Vec::new();
    }
    vec![told(
        Finding::SignatureEncoding,
        signature::fix(case, scheme),
    )]
}

pub(super) fn fix_renamed(name: &str, other: &str) -> String {
    format!(
        "{name} did not come, but `{other}` did. Let the proxy or gateway before hookward pass the header on under \
         its own name, or set {name} from it."
    )
}

/// The header that looks like this one under another name.
pub(super) fn renamed<'c>(case: &'c Case<'_>, expected: &str) -> Option<&'c str> {
    let mut names = case.capture.fields.iter().map(|(name, _)| &**name);
    names.find(|name| meant(case.provider, name).is_some_and(|meant| meant == expected))
}

/// Which of the provider's headers a name is made of that is none of them: with `_` for `-`, in one word, or
/// with something before or after it, such as `X-Original-`.
fn meant(provider: &'static Provider, name: &str) -> Option<&'static str> {
    let headers = provider.headers.iter().copied();
    if headers
        .clone()
        .any(|header| header.eq_ignore_ascii_case(name))
    {
        return None;
    }
    let name = squashed(name);
    let core = |header: &str| squashed(header.strip_prefix("X-").unwrap_or(header));
    let within = headers.filter(|header| name.contains(&core(header)));
    within.max_by_key(|header| header.len())
}

fn squashed(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// The header of any name whose value is the signature of this very request.
fn elsewhere<'c>(case: &'c Case<'_>) -> Option<&'c str> {
    let received = &case.received;
    let fields = case.capture.fields.iter();
    let readable = fields.filter_map(|(name, value)| {
        let digest = presented(received.scheme, value)?;
        let is_known = case
            .provider
            .headers
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name));
        (!is_known).then_some((name, digest))
    });
    let mut tried = readable.take(MAX_TRIED);
    let found = tried.find(|(_, digest)| {
        let supposed = Supposed {
            presented: Some(*digest),
            ..received.clone()
        };
        is_signed(case, &supposed)
    });
    found.map(|(name, _)| &**name)
}
