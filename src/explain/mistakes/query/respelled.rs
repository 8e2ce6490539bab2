//! Queries that mean the same and are written in another way: something decoded them, or wrote them anew.
//!
//! How they were written is not to be seen from what arrived, so the ways of the common libraries are tried.

use super::codec::{
    Encoder, FORM, OF_VALUES, STRICT, decode, decode_those, digits, escaped_once, escapes,
    escapes_and_plus, is_hubspots, is_unreserved, nothing, plus, replaced,
};
use super::parameters::{names_only_in, query_of};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::mistakes::Mistake;
use crate::explain::mistakes::url::known;
use crate::explain::mistakes::url::parts::{Candidates, Parts};
use crate::explain::supposed::{Change, Concern, Supposed};

pub(in crate::explain::mistakes) static DECODED: Mistake = Mistake {
    finding: Finding::QueryDecoded,
    concern: Concern::Url,
    undo: still_encoded,
    fix: fix_decoded,
};

pub(in crate::explain::mistakes) static ENCODED: Mistake = Mistake {
    finding: Finding::QueryEncoded,
    concern: Concern::Url,
    undo: encoded_otherwise,
    fix: fix_encoded,
};

/// In how many ways parameters are put together whose values may have had a `&`.
const MAX_MERGES: usize = 3;

fn still_encoded(case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(supposed);
    let Some((url, received)) = Parts::signed(supposed).and_then(|url| Some((url, url.query?)))
    else {
        return Vec::new();
    };
    let plain = without_idle_escapes(received);
    let mut push = |query: &[u8]| {
        // Escapes that mean nothing either way are told as `query_encoded`.
        if without_idle_escapes(query) != plain {
            candidates.push(Parts {
                query: Some(query),
                ..url
            });
        }
    };
    for query in known::targets(case).filter_map(|(_, query)| query) {
        if [false, true]
            .map(|blank| decode(query, blank))
            .iter()
            .any(|decoded| decoded == received)
        {
            push(query);
        }
    }
    for (parameters, encoders) in readings(received) {
        for encoder in encoders {
            for keeps in [nothing, plus, escapes, escapes_and_plus] {
                push(&map_parameters(&parameters, |text| {
                    encoder.encode(text, keeps)
                }));
            }
        }
    }
    candidates.changes()
}

/// The parameters that a decoded query may have had. A `&` in it may have been within a value; the less that
/// tells so, the fewer encoders are worth their time.
fn readings(query: &[u8]) -> Vec<(Vec<Vec<u8>>, &'static [Encoder])> {
    const COMMONEST: &[Encoder] = &[STRICT, FORM];
    let plain: Vec<Vec<u8>> = parameters(query).map(<[u8]>::to_vec).collect();
    let mut nameless: Vec<Vec<u8>> = Vec::new();
    for parameter in &plain {
        match nameless.last_mut() {
            Some(last) if !parameter.contains(&b'=') => {
                last.push(b'&');
                last.extend_from_slice(parameter);
            }
            _ => nameless.push(parameter.clone()),
        }
    }
    let mut readings = vec![(plain.clone(), OF_VALUES)];
    if nameless != plain {
        readings.push((nameless, OF_VALUES));
    }
    for count in (0..plain.len().saturating_sub(1)).take(MAX_MERGES) {
        if let Some((before, merged)) = plain.split_at_checked(count) {
            let is_url = merged.first().is_some_and(|value| value.contains(&b'?'));
            let encoders = if is_url { OF_VALUES } else { COMMONEST };
            readings.push(([before, &[merged.join(&b'&')]].concat(), encoders));
        }
    }
    readings
}

fn encoded_otherwise(case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(supposed);
    let Some((url, received)) = Parts::signed(supposed).and_then(|url| Some((url, url.query?)))
    else {
        return Vec::new();
    };
    // What is merely decoded is told as `escapes`, for HubSpot's own rule does that.
    let decoded = [
        decode_those(received, is_hubspots),
        decode(received, false),
        decode(received, true),
    ];
    for query in [escaped_once(received), without_idle_escapes(received)] {
        candidates.push(Parts {
            query: Some(&query),
            ..url
        });
    }
    let mut push = |query: &[u8]| {
        if !decoded.iter().any(|other| other == query) {
            candidates.push(Parts {
                query: Some(query),
                ..url
            });
        }
    };
    for query in known::targets(case).filter_map(|(_, query)| query) {
        if decode(query, true) == decode(received, true) {
            push(query);
        }
    }
    for (from, to) in [("+", "%20"), ("%20", "+"), ("%2B", "+")] {
        push(&replaced(received, from.as_bytes(), to.as_bytes()));
    }
    push(&digits(received, true));
    push(&digits(received, false));
    for (plain, escaped) in [
        (b"~", b"%7E"),
        (b"_", b"%5F"),
        (b"-", b"%2D"),
        (b".", b"%2E"),
    ] {
        push(&replaced(received, plain, escaped));
    }
    let is_one_value = !received.contains(&b'=') && !received.contains(&b'&');
    let encoded_whole = decode(received, false);
    if received.contains(&b'%') || received.contains(&b'+') {
        let pieces: Vec<&[u8]> = parameters(received).collect();
        for encoder in OF_VALUES {
            for blank in [true, false] {
                push(&map_parameters(&pieces, |text| {
                    encoder.encode(&decode(text, blank), nothing)
                }));
            }
        }
        for recode in [as_utf8, as_latin1] {
            for encoder in [STRICT, FORM] {
                let again = |text: &[u8]| encoder.encode(&recode(&decode(text, true)), nothing);
                push(&map_parameters(&pieces, again));
            }
        }
    }
    if is_one_value && encoded_whole.contains(&b'=') {
        candidates.push(Parts {
            query: Some(&encoded_whole),
            ..url
        });
    }
    candidates.changes()
}

fn parameters(query: &[u8]) -> impl Iterator<Item = &[u8]> {
    query.split(|byte| *byte == b'&')
}

/// A query whose names and values are written anew.
fn map_parameters(parameters: &[impl AsRef<[u8]>], write: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let written = parameters.iter().map(|parameter| {
        let mut halves = parameter.as_ref().splitn(2, |byte| *byte == b'=');
        let name = write(halves.next().unwrap_or_default());
        match halves.next() {
            Some(value) => [&name, b"=".as_slice(), &write(value)].concat(),
            None => name,
        }
    });
    written.collect::<Vec<_>>().join(&b'&')
}

/// The text without escapes that it does not need: RFC 3986 section 6.2.2.2.
fn without_idle_escapes(text: &[u8]) -> Vec<u8> {
    decode_those(text, is_unreserved)
}

/// Bytes of ISO 8859-1 in UTF-8.
fn as_utf8(text: &[u8]) -> Vec<u8> {
    let characters = text.iter().map(|byte| char::from(*byte));
    characters.collect::<String>().into_bytes()
}

/// UTF-8 in bytes of ISO 8859-1, where it has them all.
fn as_latin1(text: &[u8]) -> Vec<u8> {
    let characters = std::str::from_utf8(text)
        .map(str::chars)
        .into_iter()
        .flatten();
    let bytes = characters.map(|character| u8::try_from(u32::from(character)).ok());
    bytes
        .collect::<Option<Vec<u8>>>()
        .unwrap_or_else(|| text.to_vec())
}

/// The parameters that were signed in another way, for a fix.
fn respelled(before: &Supposed, after: &Supposed) -> String {
    let names = names_only_in(query_of(after), query_of(before));
    if names.is_empty() {
        return String::new();
    }
    format!(" ({})", names.join(", "))
}

fn fix_decoded(case: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    format!(
        "{} signed the query with its escapes{}; what arrived is decoded. Let whatever is in front of hookward \
         pass on the query as it came and not build it anew from decoded values (nginx: `$args` or \
         `$request_uri`, never `$arg_NAME`; API gateways: the raw query).",
        case.provider.known.display_name,
        respelled(before, after)
    )
}

fn fix_encoded(case: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let has = |supposed: &Supposed, text: &[u8]| {
        let query = query_of(supposed).unwrap_or_default();
        query.windows(text.len()).any(|window| window == text)
    };
    let what = if has(before, b"+") && !has(after, b"+") {
        "a blank was signed as `%20` and arrived as `+`"
    } else if has(after, b"+") && !has(before, b"+") {
        "a `+` was signed that arrived as an escape"
    } else if has(before, b"%25") && !has(after, b"%25") {
        "its escapes were escaped again on their way"
    } else {
        "its escapes are written in another way"
    };
    format!(
        "The query means what {} signed, but {what}{}. Let whatever is in front of hookward pass on the query as \
         it came and not parse it and write it anew (nginx: `$args` or `$request_uri`; API gateways: the raw \
         query).",
        case.provider.known.display_name,
        respelled(before, after)
    )
}
