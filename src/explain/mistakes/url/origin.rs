//! Scheme, host and port. A server behind a proxy is called by others than the provider called.

use super::known;
use super::parts::{Candidates, Parts, split_port};
use super::place::{public_url, shown};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::mistakes::Mistake;
use crate::explain::supposed::{Change, Concern, Supposed};

pub(in crate::explain::mistakes) static SCHEME: Mistake = Mistake {
    finding: Finding::UrlScheme,
    concern: Concern::Url,
    undo: other_schemes,
    fix: fix_scheme,
};

pub(in crate::explain::mistakes) static HOST: Mistake = Mistake {
    finding: Finding::UrlHost,
    concern: Concern::Url,
    undo: other_hosts,
    fix: fix_host,
};

pub(in crate::explain::mistakes) static PORT: Mistake = Mistake {
    finding: Finding::UrlPort,
    concern: Concern::Url,
    undo: other_ports,
    fix: fix_port,
};

fn other_schemes(_case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(supposed);
    if let Some(url) = Parts::signed(supposed) {
        for scheme in [b"https".as_slice(), b"http"] {
            candidates.push(Parts { scheme, ..url });
        }
    }
    candidates.changes()
}

fn other_hosts(case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(supposed);
    let Some(url) = Parts::signed(supposed) else {
        return Vec::new();
    };
    for authority in known::authorities(case) {
        let (host, port) = split_port(authority);
        if host != url.host {
            for port in [port, url.port, None] {
                candidates.push(Parts { host, port, ..url });
            }
        }
    }
    for host in respelled(url.host) {
        let host = &*host;
        candidates.push(Parts { host, ..url });
    }
    // Some sign what their own server sees of a URL: its path and query.
    candidates.push_text(url.target());
    candidates.changes()
}

/// The host as it may be written besides.
fn respelled(host: &[u8]) -> [Vec<u8>; 3] {
    let www = match host.strip_prefix(b"www.") {
        Some(bare) => bare.to_vec(),
        None => [b"www.", host].concat(),
    };
    let dot = match host.strip_suffix(b".") {
        Some(bare) => bare.to_vec(),
        None => [host, b"."].concat(),
    };
    [www, dot, host.to_ascii_lowercase()]
}

fn other_ports(case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(supposed);
    let Some(url) = Parts::signed(supposed) else {
        return Vec::new();
    };
    let defaults = if url.scheme.eq_ignore_ascii_case(b"http") {
        [b"80".as_slice(), b"443"]
    } else {
        [b"443".as_slice(), b"80"]
    };
    let named = known::authorities(case)
        .into_iter()
        .filter_map(|authority| split_port(authority).1);
    let ports = named.chain(known::forwarded_port(case)).chain(defaults);
    for port in std::iter::once(None).chain(ports.map(Some)) {
        candidates.push(Parts { port, ..url });
    }
    candidates.changes()
}

fn fix_scheme(case: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let Some((hashed, signed)) = both(before, after) else {
        return String::new();
    };
    let provider = case.provider.known.display_name;
    let (wrong, right) = (shown(hashed.scheme), shown(signed.scheme));
    let what = format!("A URL with `{right}://` was signed, one with `{wrong}://` was hashed");
    if case.provider.known.calls_https_alone && signed.scheme == b"http" {
        return format!(
            "{what}. {provider} calls https alone: whoever signed this did not sign the URL that it called; \
             let it sign the https URL."
        );
    }
    match (public_url(case, &signed), &case.route.public_url) {
        (Some(line), Some(_)) => format!("{what}. Correct {line}."),
        (Some(line), None) => format!(
            "{what}. Write {line}, or let the proxy say by which scheme it was called (nginx: \
             `proxy_set_header X-Forwarded-Proto $scheme;`)."
        ),
        (None, _) => format!("{what}. Let `public_url` begin with `{right}://`."),
    }
}

fn fix_host(case: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let provider = case.provider.known.display_name;
    let Some((hashed, signed)) = both(before, after) else {
        return format!(
            "The signature is of the path and query alone. Whoever signs must sign the whole URL, with scheme \
             and host, as {provider} does."
        );
    };
    let (wrong, right) = (shown(hashed.host), shown(signed.host));
    let what = format!("The host that was called is `{right}`, the one that was hashed `{wrong}`");
    match (public_url(case, &signed), &case.route.public_url) {
        (Some(line), Some(_)) => format!("{what}. Correct {line}."),
        (Some(line), None) => format!(
            "{what}. Write {line}, or let the proxy pass the host on (nginx: `proxy_set_header Host $host;`) and \
             put \"{right}\" into `public_hosts`."
        ),
        (None, _) => format!("{what}. Let `public_url` have the host `{right}`."),
    }
}

fn fix_port(case: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let Some((hashed, signed)) = both(before, after) else {
        return String::new();
    };
    let named = |port: Option<&[u8]>| match port {
        Some(port) => format!("the port `:{}`", shown(port)),
        None => "no port".to_owned(),
    };
    let (wrong, right) = (named(hashed.port), named(signed.port));
    let what = format!("The URL that was signed has {right}, the one that was hashed {wrong}");
    match (public_url(case, &signed), &case.route.public_url) {
        (Some(line), Some(_)) => format!("{what}. Correct {line}."),
        (Some(line), None) => format!(
            "{what}. Write {line}, or let the proxy pass on the port as it was called (nginx: \
             `proxy_set_header Host $http_host;`)."
        ),
        (None, _) => format!("{what}. Let `public_url` have {right}."),
    }
}

fn both<'a>(before: &'a Supposed, after: &'a Supposed) -> Option<(Parts<'a>, Parts<'a>)> {
    Some((Parts::of(&before.url)?, Parts::of(&after.url)?))
}
