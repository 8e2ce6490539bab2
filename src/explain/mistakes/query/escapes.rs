//! Escapes of the path, and those that the signer decodes: HubSpot decodes twelve of them before it signs by
//! v3, and some who sign or pass on decode none of them, or all there are.

use super::codec::{
    OF_SEGMENTS, decode, decode_those, digits, escaped_once, escapes, is_hubspots, is_unreserved,
    nothing, replaced,
};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::mistakes::Mistake;
use crate::explain::mistakes::url::known;
use crate::explain::mistakes::url::parts::{Candidates, Parts};
use crate::explain::mistakes::url::place::shown;
use crate::explain::supposed::{Change, Concern, Supposed};

pub(in crate::explain::mistakes) static ESCAPES: Mistake = Mistake {
    finding: Finding::Escapes,
    concern: Concern::Url,
    undo: other_escapes,
    fix: fix_escapes,
};

fn other_escapes(case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(supposed);
    let Some(url) = Parts::signed(supposed) else {
        return Vec::new();
    };
    signed_decoded(&url, &mut candidates);
    for path in other_paths(case, url.path) {
        candidates.push(Parts { path: &path, ..url });
    }
    candidates.changes()
}

/// How escapes are decoded.
type Way = fn(&[u8]) -> Vec<u8>;

/// The URL with the twelve decoded, or all: everywhere, or in one of its parts alone.
fn signed_decoded(url: &Parts<'_>, candidates: &mut Candidates<'_>) {
    let twelve = |text: &[u8]| decode_those(text, is_hubspots);
    let all = |text: &[u8]| decode(text, false);
    let form = |text: &[u8]| decode(text, true);
    let twice = |text: &[u8]| decode(&decode(text, false), false);
    let ways: [Way; 4] = [twelve, all, form, twice];
    for way in ways {
        let (path, query) = (way(url.path), url.query.map(way));
        let query = query.as_deref();
        candidates.push(Parts {
            path: &path,
            query,
            ..*url
        });
        candidates.push(Parts { query, ..*url });
        candidates.push(Parts {
            path: &path,
            ..*url
        });
    }
    let (path, query) = (all(url.path), url.query.map(form));
    let query = query.as_deref();
    candidates.push(Parts {
        path: &path,
        query,
        ..*url
    });
}

/// The path with its escapes as they may have been signed.
fn other_paths(case: &Case<'_>, path: &[u8]) -> Vec<Vec<u8>> {
    let meaning = decode(path, false);
    let called = known::targets(case).map(|(other, _)| other);
    let called = called.filter(|other| decode(other, false) == meaning);
    let mut paths: Vec<Vec<u8>> = called.map(<[u8]>::to_vec).collect();
    for encoder in OF_SEGMENTS {
        paths.extend([
            map_segments(path, |segment| encoder.encode(segment, escapes)),
            map_segments(path, |segment| encoder.encode(segment, nothing)),
            map_segments(path, |segment| {
                encoder.encode(&decode(segment, false), nothing)
            }),
        ]);
    }
    paths.extend([
        decode_those(path, is_unreserved),
        digits(path, true),
        digits(path, false),
        escaped_once(path),
        replaced(path, b"+", b"%20"),
        replaced(path, b"%20", b"+"),
        replaced(path, b"~", b"%7E"),
    ]);
    paths
}

fn map_segments(path: &[u8], write: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let segments = path.split(|byte| *byte == b'/');
    segments.map(write).collect::<Vec<_>>().join(&b'/')
}

fn fix_escapes(case: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let (Some(hashed), Some(signed)) = (Parts::of(&before.url), Parts::of(&after.url)) else {
        return String::new();
    };
    let provider = case.provider.known.display_name;
    let percents = |part: &[u8]| part.iter().filter(|byte| **byte == b'%').count();
    if hashed.query == signed.query && percents(signed.path) >= percents(hashed.path) {
        return format!(
            "The path that was signed is `{}`, the one that was hashed `{}`. Let the proxy pass on the path as it \
             came (nginx: `proxy_pass http://hookward;`, without a path after the host, or with `$request_uri`).",
            shown(signed.path),
            shown(hashed.path)
        );
    }
    format!(
        "The URL was signed with escapes decoded that arrived as escapes. {provider} decodes, by v3 alone, \
         `%3A %2F %3F %40 %21 %24 %27 %28 %29 %2A %2C %3B` once and no other; by v2 none. If you sign yourself, \
         do so too; else enter a URL at the sender that needs no escapes, and let nothing in front of hookward \
         write it anew."
    )
}
