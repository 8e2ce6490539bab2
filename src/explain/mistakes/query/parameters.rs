//! Parameters that were left out or added, and their order.

use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::mistakes::Mistake;
use crate::explain::mistakes::url::known;
use crate::explain::mistakes::url::parts::{Candidates, Parts};
use crate::explain::mistakes::url::place::shown;
use crate::explain::supposed::{Change, Concern, Supposed};

use super::codec::decode;

pub(in crate::explain::mistakes) static MISSING: Mistake = Mistake {
    finding: Finding::QueryMissing,
    concern: Concern::Url,
    undo: other_parameters,
    fix: fix_missing,
};

pub(in crate::explain::mistakes) static ORDER: Mistake = Mistake {
    finding: Finding::QueryOrder,
    concern: Concern::Url,
    undo: other_orders,
    fix: fix_order,
};

/// Of how many parameters at most each is left out or moved.
const MAX_PARAMETERS: usize = 12;
/// Of how many at most every order is tried: 120.
const MAX_PERMUTED: usize = 5;

fn other_parameters(case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(supposed);
    let Some(url) = Parts::signed(supposed) else {
        return Vec::new();
    };
    let received = url.query.unwrap_or_default();
    let mut push = |query: Option<&[u8]>| candidates.push(Parts { query, ..url });
    for (_, query) in known::targets(case) {
        // Another spelling of the same parameters is told in words of its own.
        if sorted_names_and_values(query.unwrap_or_default()) != sorted_names_and_values(received) {
            push(query);
        }
    }
    push(None);
    push(Some(b""));
    let parameters = parameters(received);
    push(Some(&joined(
        parameters.iter().filter(|one| !is_tracking(one)),
    )));
    for left_out in (0..parameters.len()).take(MAX_PARAMETERS) {
        let others = parameters.iter().enumerate();
        let others = others.filter(|(at, _)| *at != left_out).map(|(_, one)| one);
        push(Some(&joined(others)));
    }
    for count in (1..parameters.len()).take(MAX_PARAMETERS) {
        push(Some(&joined(parameters.iter().take(count))));
        push(Some(&joined(parameters.iter().skip(count))));
    }
    candidates.changes()
}

fn joined<'a>(parameters: impl Iterator<Item = &'a &'a [u8]>) -> Vec<u8> {
    parameters.copied().collect::<Vec<_>>().join(&b'&')
}

fn parameters(query: &[u8]) -> Vec<&[u8]> {
    query.split(|byte| *byte == b'&').collect()
}

/// Whether it is one that is added to links to follow who clicks.
fn is_tracking(parameter: &[u8]) -> bool {
    const PREFIXES: &[&[u8]] = &[b"utm_", b"gclid=", b"fbclid=", b"msclkid=", b"_hs", b"hsa_"];
    PREFIXES.iter().any(|prefix| parameter.starts_with(prefix))
}

/// What a query says, whatever its order and its escapes.
fn sorted_names_and_values(query: &[u8]) -> Vec<u8> {
    let decoded = decode(&decode(query, true), true);
    let mut parts = parameters(&decoded);
    parts.sort_unstable();
    parts.join(&b'&')
}

fn other_orders(case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(supposed);
    let Some((url, received)) = Parts::signed(supposed).and_then(|url| Some((url, url.query?)))
    else {
        return Vec::new();
    };
    let mut push = |parameters: &[&[u8]]| {
        let query = parameters.join(&b'&');
        candidates.push(Parts {
            query: Some(&query),
            ..url
        });
    };
    let parameters = parameters(received);
    for (_, query) in known::targets(case) {
        let theirs = query.map(self::parameters).unwrap_or_default();
        if is_permutation(&theirs, &parameters) {
            push(&theirs);
        }
    }
    let mut ordered = parameters.clone();
    ordered.sort();
    push(&ordered);
    ordered.reverse();
    push(&ordered);
    ordered = parameters.clone();
    ordered.sort_by(|left, right| name(left).cmp(name(right)));
    push(&ordered);
    ordered = parameters.clone();
    ordered.reverse();
    push(&ordered);
    if parameters.len() <= MAX_PERMUTED {
        permute(&mut parameters.clone(), 0, &mut push);
        return candidates.changes();
    }
    for at in (0..parameters.len()).take(MAX_PARAMETERS) {
        let mut moved = parameters.clone();
        let one = moved.remove(at);
        let mut first = moved.clone();
        first.insert(0, one);
        push(&first);
        moved.push(one);
        push(&moved);
    }
    candidates.changes()
}

fn is_permutation(left: &[&[u8]], right: &[&[u8]]) -> bool {
    let (mut left, mut right) = (left.to_vec(), right.to_vec());
    left.sort_unstable();
    right.sort_unstable();
    left == right
}

/// Every order of what comes from `start` on.
fn permute<'a>(parameters: &mut Vec<&'a [u8]>, start: usize, take: &mut dyn FnMut(&[&'a [u8]])) {
    let next = start.saturating_add(1);
    if next >= parameters.len() {
        take(parameters);
        return;
    }
    for at in start..parameters.len() {
        parameters.swap(start, at);
        permute(parameters, next, take);
        parameters.swap(start, at);
    }
}

fn name(parameter: &[u8]) -> &[u8] {
    parameter
        .split(|byte| *byte == b'=')
        .next()
        .unwrap_or_default()
}

/// The names of the parameters that `one` has and `other` has not. Values can hold personal data.
pub(super) fn names_only_in(one: Option<&[u8]>, other: Option<&[u8]>) -> Vec<String> {
    let theirs = other.map(parameters).unwrap_or_default();
    let ours = one.map(parameters).unwrap_or_default();
    let differing = ours
        .into_iter()
        .filter(|parameter| !parameter.is_empty() && !theirs.contains(parameter));
    // Without a sign, what is there may as well be a value.
    let mut names: Vec<String> = differing
        .map(|one| match one.contains(&b'=') {
            true => format!("`{}`", shown(name(one))),
            false => "a parameter without `=`".to_owned(),
        })
        .collect();
    names.dedup();
    names.truncate(MAX_PARAMETERS);
    names
}

pub(super) fn query_of(supposed: &Supposed) -> Option<&[u8]> {
    Parts::of(&supposed.url)?.query
}

fn fix_missing(_case: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let (hashed, signed) = (query_of(before), query_of(after));
    let lost = names_only_in(signed, hashed);
    let added = names_only_in(hashed, signed);
    if !lost.is_empty() {
        return format!(
            "The URL that was signed has {} in its query, which did not arrive. Let the proxy pass the query on \
             (nginx: `proxy_pass http://hookward;`, without a path after the host; with a path or a variable: \
             add `$is_args$args`).",
            lost.join(", ")
        );
    }
    if !added.is_empty() {
        return format!(
            "The query that arrived has {}, which was not signed. Keep the proxy from adding it (nginx: \
             `rewrite`, or a path with `?` in `proxy_pass`), or enter the URL at the sender with it.",
            added.join(", ")
        );
    }
    "The URLs that were signed and hashed differ in an empty query: a lone `?`. Keep the proxy from adding or \
     removing it, or enter the URL at the sender without it."
        .to_owned()
}

fn fix_order(_case: &Case<'_>, _before: &Supposed, _after: &Supposed) -> String {
    "The parameters of the query were signed in another order than they arrived in. Keep the proxy, cache or \
     gateway from sorting them (Varnish: `std.querysort`; AWS API Gateway and others rebuild the query), and \
     pass on the query as it came (nginx: `$args`)."
        .to_owned()
}
