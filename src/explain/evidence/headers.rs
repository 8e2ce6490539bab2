//! Headers that are missing, doubled, or under another name.

use super::{is_signed, told};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::supposed::Supposed;
use crate::explain::told::Told;
use crate::reason::Reason;
use crate::verify::scheme::Selector;
use crate::verify::{Provider, Scheme, Timestamp, presented};

/// How many values are tried as the signature that came under another name.
const MAX_TRIED: usize = 16;

/// What the headers show by themselves, and the message as they were meant, where that can be told.
pub(in crate::explain) struct Header {
    pub(in crate::explain) told: Told,
    pub(in crate::explain) meant: Option<Supposed>,
}

/// A header that the reason is about, which came under another name, twice in one field, or not at all although
/// what comes with it alone did. It is looked for before any signature is recomputed: that a weaker signature
/// beside it matches says nothing of why this one was lost.
pub(in crate::explain) fn header(case: &Case<'_>, reason: Reason) -> Option<Header> {
    match reason {
        Reason::MissingSignature => renamed_signature(case),
        Reason::UnacceptedVersion => of_own_header(case).or_else(|| of_shared_headers(case)),
        Reason::MalformedSignature => joined_signatures(case),
        Reason::MissingTimestamp => {
            let name = case.received.scheme.timestamp_header?;
            let (other, value) = renamed(case, name)?;
            Some(Header {
                told: told(Finding::HeaderRenamed, fix_renamed(name, other)),
                meant: Some(Supposed {
                    timestamp: value.to_vec().into(),
                    ..case.received.clone()
                }),
            })
        }
        Reason::MalformedTimestamp => {
            let name = case.received.scheme.timestamp_header?;
            let parts = joined(case.header(name)?)?;
            let first = *parts.first()?;
            let are_times = parts.iter().all(|part| Timestamp::parse(part).is_some());
            are_times.then(|| Header {
                told: told(Finding::HeaderDoubled, fix_joined(case, name, &parts)),
                meant: Some(Supposed {
                    timestamp: first.to_vec().into(),
                    ..case.received.clone()
                }),
            })
        }
        _ => None,
    }
}

/// The message that a signature of this scheme, with this value, was meant for.
fn meant_for(case: &Case<'_>, scheme: &'static Scheme, value: &[u8]) -> Option<Supposed> {
    let time = scheme.timestamp_header.and_then(|name| case.header(name));
    Some(Supposed {
        scheme,
        timestamp: time.unwrap_or_default().to_vec().into(),
        presented: Some(presented(scheme, value)?),
        ..case.received.clone()
    })
}

/// A signature under another name.
fn renamed_signature(case: &Case<'_>) -> Option<Header> {
    if let Some(other) = elsewhere(case) {
        let name = case.received.scheme.signature_header;
        return Some(Header {
            told: told(Finding::HeaderRenamed, fix_renamed(name, other)),
            meant: None,
        });
    }
    let mut accepted = case.accepted.iter();
    accepted.find_map(|scheme| renamed_of(case, scheme))
}

fn renamed_of(case: &Case<'_>, scheme: &'static Scheme) -> Option<Header> {
    let name = scheme.signature_header;
    let (other, value) = renamed(case, name)?;
    Some(Header {
        told: told(Finding::HeaderRenamed, fix_renamed(name, other)),
        meant: meant_for(case, scheme, value),
    })
}

/// What became of the header that decides alone, where the request was judged by the headers that several
/// versions share.
fn of_own_header(case: &Case<'_>) -> Option<Header> {
    let mut accepted = case.accepted.iter().copied();
    let own = accepted.find(|scheme| matches!(scheme.selector, Selector::OwnHeader))?;
    if case.header(own.signature_header).is_some() {
        return None;
    }
    if let Some(found) = renamed_of(case, own) {
        return Some(found);
    }
    let time = own
        .timestamp_header
        .filter(|name| case.header(name).is_some())?;
    let fix = format!(
        "{} did not come, and {time} did, which {} sends with it: what is before hookward removes the one and \
         passes on the other. Let it pass on both. No other version need be accepted for it.",
        own.signature_header, case.provider.known.display_name
    );
    Some(Header {
        told: told(Finding::HeaderMissing, fix),
        meant: None,
    })
}

/// The header that says by which version a signature was made.
fn of_shared_headers(case: &Case<'_>) -> Option<Header> {
    let name = case.provider.versioned?.version;
    let of_version = |value: &[u8]| {
        let mut schemes = case.provider.schemes.iter();
        let scheme = schemes.find(|scheme| {
            matches!(scheme.selector, Selector::Version(version) if version.as_bytes() == value)
        })?;
        meant_for(case, scheme, case.header(scheme.signature_header)?)
    };
    match case.header(name) {
        None => {
            let (other, value) = renamed(case, name)?;
            Some(Header {
                told: told(Finding::HeaderRenamed, fix_renamed(name, other)),
                meant: of_version(value),
            })
        }
        Some(value) => {
            let parts = joined(value)?;
            let first = *parts.first()?;
            let are_same = parts.iter().all(|part| *part == first);
            are_same.then(|| Header {
                told: told(Finding::HeaderDoubled, fix_joined(case, name, &parts)),
                meant: of_version(first),
            })
        }
    }
}

/// Several signatures in one field.
fn joined_signatures(case: &Case<'_>) -> Option<Header> {
    let scheme = case.received.scheme;
    let name = scheme.signature_header;
    let parts = joined(case.header(name)?)?;
    let mut messages = Vec::new();
    for part in &parts {
        messages.push(meant_for(case, scheme, part)?);
    }
    let first = messages.first().cloned();
    let signed = messages
        .into_iter()
        .take(MAX_TRIED)
        .find(|supposed| is_signed(case, supposed));
    Some(Header {
        told: told(Finding::HeaderDoubled, fix_joined(case, name, &parts)),
        meant: signed.or(first),
    })
}

/// The values of a field that some proxy made of several (RFC 9110 section 5.3).
fn joined(value: &[u8]) -> Option<Vec<&[u8]>> {
    let parts = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let parts: Vec<&[u8]> = parts.collect();
    (parts.len() > 1).then_some(parts)
}

fn fix_joined(case: &Case<'_>, name: &str, parts: &[&[u8]]) -> String {
    let are_same = parts.iter().all(|part| Some(part) == parts.first());
    let which = if are_same {
        "the same value, joined by commas"
    } else {
        "different values, joined by commas"
    };
    fix_doubled(case, name, parts.len(), which)
}

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
    if let Some(version) = of_other_version(case) {
        return vec![version];
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
    vec![told(Finding::HeaderMissing, fix)]
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

/// A signature header without a value. Of any other that cannot be read, what it is meant to be is told where it
/// proves to be the signature.
pub(super) fn empty_signature(case: &Case<'_>) -> Vec<Told> {
    let name = case.received.scheme.signature_header;
    if case.header(name).is_none_or(|value| !value.is_empty()) {
        return Vec::new();
    }
    let fix = format!(
        "{name} came empty. What is before hookward sets it from something that is not there: let it pass on the \
         header as it came."
    );
    vec![told(Finding::HeaderMissing, fix)]
}

pub(super) fn fix_renamed(name: &str, other: &str) -> String {
    format!(
        "{name} did not come, but `{other}` did. Let the proxy or gateway before hookward pass the header on under \
         its own name, or set {name} from it."
    )
}

/// The header that looks like this one under another name, and its value.
fn renamed<'c>(case: &'c Case<'_>, expected: &str) -> Option<(&'c str, &'c [u8])> {
    let mut fields = case.capture.fields.iter();
    let found =
        fields.find(|(name, _)| meant(case.provider, name).is_some_and(|meant| meant == expected));
    found.map(|(name, value)| (&**name, &**value))
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

pub(super) fn squashed(name: &str) -> String {
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
