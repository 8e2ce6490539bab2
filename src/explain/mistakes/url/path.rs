//! The path. Proxies strip what they route by, merge slashes and follow redirects.

use super::known;
use super::parts::{Candidates, Parts};
use super::place::{matches, public_url, route, shown};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::mistakes::Mistake;
use crate::explain::mistakes::query::codec::decode;
use crate::explain::supposed::{Change, Concern, Supposed};

pub(in crate::explain::mistakes) static PATH_PREFIX: Mistake = Mistake {
    finding: Finding::UrlPathPrefix,
    concern: Concern::Url,
    undo: other_prefixes,
    fix: fix_prefix,
};

pub(in crate::explain::mistakes) static TRAILING_SLASH: Mistake = Mistake {
    finding: Finding::UrlTrailingSlash,
    concern: Concern::Url,
    undo: other_slashes,
    fix: fix_slash,
};

pub(in crate::explain::mistakes) static PATH_CASE: Mistake = Mistake {
    finding: Finding::UrlPathCase,
    concern: Concern::Url,
    undo: other_cases,
    fix: fix_case,
};

/// The prefixes that are put before webhooks' paths where nothing names another. Of Amazon's API Gateway it is the
/// stage, of Netlify and Supabase where functions are.
const COMMON_PREFIXES: &[&[u8]] = &[
    b"/api",
    b"/webhooks",
    b"/webhook",
    b"/hooks",
    b"/v1",
    b"/prod",
    b"/Prod",
    b"/dev",
    b"/stage",
    b"/default",
    b"/hubspot",
    b"/twenty",
    b"/staging",
    b"/production",
    b"/api/v1",
    b"/api/webhooks",
    b"/functions/v1",
    b"/.netlify/functions",
];
/// How many prefixes are tried at most, and how many segments are taken away.
const MAX_PREFIXES: usize = 16;
const MAX_SEGMENTS: usize = 8;
/// How many segments another prefix may have replaced.
const MAX_REPLACED: usize = 2;

fn other_prefixes(case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(supposed);
    let Some(url) = Parts::signed(supposed) else {
        return Vec::new();
    };
    let plain = folded(url.path);
    let mut push = |path: &[u8]| {
        // Another spelling of the same path is told in words of its own.
        if folded(path) != plain {
            candidates.push(Parts { path, ..url });
        }
    };
    for (path, _) in known::targets(case) {
        push(path);
    }
    let target = known::target_path(case);
    let named = named_prefixes(case);
    let common = || COMMON_PREFIXES.iter().copied();
    for prefix in named.iter().copied().chain(common()) {
        push(&[prefix, url.path].concat());
        push(&[prefix, target].concat());
    }
    for rest in shortened(url.path).take(MAX_SEGMENTS) {
        push(rest);
    }
    for rest in shortened(url.path).take(MAX_REPLACED) {
        for prefix in named.iter().copied() {
            push(&[prefix, rest].concat());
        }
    }
    if let Some(rest) = shortened(url.path).next() {
        for prefix in common() {
            push(&[prefix, rest].concat());
        }
    }
    // Some sign the base URL that they were given, without what was called below it.
    if !plain.is_empty() {
        candidates.push_text(url.origin());
    }
    candidates.changes()
}

/// The prefixes that the capture or the configuration names, whole and less their last segments, without a
/// slash at their end.
fn named_prefixes<'a>(case: &'a Case<'_>) -> Vec<&'a [u8]> {
    let mut found: Vec<&[u8]> = Vec::new();
    for path in known::prefixes(case).chain(known::configured_paths(case)) {
        let mut path = path.strip_suffix(b"/").unwrap_or(path);
        while let Some((_, parent)) = path.split_last() {
            if path.starts_with(b"/") && !found.contains(&path) && found.len() < MAX_PREFIXES {
                found.push(path);
            }
            let slash = parent.iter().rposition(|byte| *byte == b'/');
            path = slash.and_then(|at| path.get(..at)).unwrap_or_default();
        }
    }
    found
}

/// The path without its first segment, its first two, ….
fn shortened(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().skip(1);
    slashes
        .filter(|(_, byte)| **byte == b'/')
        .filter_map(|(at, _)| path.get(at..))
}

/// The path without what other mistakes are about: case, slashes, escapes.
fn folded(path: &[u8]) -> Vec<u8> {
    let mut folded = merged(&decode(path, false).to_ascii_lowercase());
    if folded.ends_with(b"/") {
        folded.pop();
    }
    folded
}

/// The path with one slash wherever there are several.
fn merged(path: &[u8]) -> Vec<u8> {
    let mut merged = Vec::with_capacity(path.len());
    for byte in path {
        if *byte != b'/' || merged.last() != Some(&b'/') {
            merged.push(*byte);
        }
    }
    merged
}

fn other_slashes(_case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(supposed);
    let Some(url) = Parts::signed(supposed) else {
        return Vec::new();
    };
    let mut push = |path: &[u8]| candidates.push(Parts { path, ..url });
    match url.path.strip_suffix(b"/") {
        Some(bare) => push(bare),
        None => push(&[url.path, b"/"].concat()),
    }
    push(&merged(url.path));
    let slashes = url.path.iter().enumerate();
    let slashes = slashes.filter(|(_, byte)| **byte == b'/');
    for (at, _) in slashes.take(MAX_SEGMENTS) {
        if let Some((before, after)) = url.path.split_at_checked(at) {
            push(&[before, b"/", after].concat());
        }
    }
    candidates.changes()
}

fn other_cases(case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(supposed);
    let Some(url) = Parts::signed(supposed) else {
        return Vec::new();
    };
    let mut push = |path: &[u8]| candidates.push(Parts { path, ..url });
    let called = known::targets(case).map(|(path, _)| path);
    for written in called.chain(known::configured_paths(case)) {
        if let Some((head, rest)) = url.path.split_at_checked(written.len())
            && head.eq_ignore_ascii_case(written)
        {
            push(&[written, rest].concat());
        }
    }
    push(&url.path.to_ascii_lowercase());
    push(&named_as(
        url.path,
        case.provider.known.display_name.as_bytes(),
    ));
    push(&capitalised(url.path));
    candidates.changes()
}

/// The path with a name in it written as its owner writes it.
fn named_as(path: &[u8], name: &[u8]) -> Vec<u8> {
    let mut written = path.to_vec();
    let window = |window: &[u8]| window.eq_ignore_ascii_case(name);
    if let Some(at) = path.windows(name.len().max(1)).position(window) {
        for (byte, own) in written.iter_mut().skip(at).zip(name) {
            *byte = *own;
        }
    }
    written
}

/// The path with a capital letter at the beginning of each segment.
fn capitalised(path: &[u8]) -> Vec<u8> {
    let mut is_first = false;
    let capital = |byte: &u8| {
        let byte = if is_first {
            byte.to_ascii_uppercase()
        } else {
            *byte
        };
        is_first = byte == b'/';
        byte
    };
    path.iter().map(capital).collect()
}

fn fix_prefix(case: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let (Some(hashed), Some(signed)) = (Parts::of(&before.url), Parts::of(&after.url)) else {
        return String::new();
    };
    let (wrong, right) = (shown(hashed.path), shown(signed.path));
    if signed.path.is_empty() && signed.query.is_none() {
        return "The signature is of the base URL alone. Whoever signs must sign the whole URL that it calls, \
                with path and query."
            .to_owned();
    }
    let what = format!("The path that was called is `{right}`, the one that was hashed `{wrong}`");
    match public_url(case, &signed) {
        Some(line) => format!(
            "{what}. Write {line}, if all requests of the route are called so; or let the proxy keep the path (nginx: \
             `proxy_pass http://hookward;`, without a path after the host) and give the route the whole of it."
        ),
        None => {
            let is_routed = matches(case, signed.path);
            let path = format!(
                ", and give the route this path, {}: path = \"{right}\"",
                route(case)
            );
            format!(
                "{what}. Let the proxy keep the path (nginx: `proxy_pass http://hookward;`, without a path after \
                 the host){}.",
                if is_routed { "" } else { &path }
            )
        }
    }
}

fn fix_slash(case: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let (Some(hashed), Some(signed)) = (Parts::of(&before.url), Parts::of(&after.url)) else {
        return String::new();
    };
    let provider = case.provider.known.display_name;
    let (wrong, right) = (shown(hashed.path), shown(signed.path));
    let what = format!(
        "The path that was called is `{right}`, the one that was hashed `{wrong}`: they differ in a slash"
    );
    let own = match public_url(case, &signed) {
        Some(line) => format!("Write {line}; or enter the URL at {provider} as hookward gets it"),
        None => format!("Enter the URL at {provider} as hookward gets it"),
    };
    let has_double = |path: &[u8]| path.windows(2).any(|pair| pair == b"//");
    if has_double(signed.path) || has_double(hashed.path) {
        return format!(
            "{what}. {own}, or keep the proxy from merging slashes (nginx: `merge_slashes off;` and \
             `proxy_pass http://hookward;`, without a path after the host)."
        );
    }
    format!(
        "{what}. {own}, or keep the proxy from adding or removing the slash (nginx: the same slash at the end \
         of `location` and of `proxy_pass`, or no path in `proxy_pass`)."
    )
}

fn fix_case(case: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let (Some(hashed), Some(signed)) = (Parts::of(&before.url), Parts::of(&after.url)) else {
        return String::new();
    };
    let (wrong, right) = (shown(hashed.path), shown(signed.path));
    let what = format!("The path that was called is `{right}`, the one that was hashed `{wrong}`");
    match public_url(case, &signed) {
        Some(line) => format!("{what}: letters count. Write {line}."),
        None => format!(
            "{what}: letters count. Keep the proxy from changing them, or enter the URL at {} with the letters \
             that hookward gets.",
            case.provider.known.display_name
        ),
    }
}
