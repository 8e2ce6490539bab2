//! What the route's settings, beside the request, show: secrets, versions, methods, hosts.

use super::told;
use crate::capture::Capture;
use crate::config::without_default_port;
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::told::Told;
use crate::verify::scheme::Selector;

/// How much of a header's value is shown, in bytes.
const MAX_SHOWN: usize = 40;

/// A secret that cannot be the signing one: it looks like something else.
pub(super) fn secret_is_token(case: &Case<'_>) -> Option<Told> {
    let keys = case.keys.iter().map(|(_, key)| key);
    let mut own = keys.filter(|key| key.route == case.route.name && key.variant.is_none());
    let (id, looks_like) = own.find_map(|key| Some((&key.id, key.looks_like?)))?;
    let fix = format!(
        "Secret `{id}` of route `{}` looks like {looks_like}. Copy the secret from {}'s page of the app or webhook, \
         and put it where this one comes from (`secrets` under [route.verify]).",
        case.route.name, case.provider.known.display_name
    );
    Some(told(Finding::SecretIsToken, fix))
}

/// The version that was sent, and the ones that the route accepts.
pub(super) fn version(case: &Case<'_>) -> Vec<Told> {
    let Some(shared) = case.provider.versioned else {
        return Vec::new();
    };
    let name = &case.route.name;
    let accepted: Vec<String> = case
        .accepted
        .iter()
        .map(|scheme| format!("\"{}\"", scheme.version))
        .collect();
    let accepted = accepted.join(", ");
    let Some(sent) = case.header(shared.version) else {
        let fix = format!(
            "{} came without {}, so which rule made it is not known; route `{name}` accepts {accepted}. Let the \
             proxy before hookward pass on both.",
            shared.signature, shared.version
        );
        return vec![told(Finding::Version, fix)];
    };
    let mut known = case.provider.schemes.iter();
    let known = known.find(
        |scheme| matches!(scheme.selector, Selector::Version(version) if version.as_bytes() == sent),
    );
    let shown = sent.get(..MAX_SHOWN).unwrap_or(sent).escape_ascii();
    let fix = match known {
        Some(scheme) => format!(
            "The request is signed by version {shown}, and route `{name}` accepts {accepted}: add \"{}\" to \
             `versions` under its [route.verify], or let {} sign by one that is accepted.",
            scheme.version, case.provider.known.display_name
        ),
        None => format!(
            "{} says `{shown}`, which is no version that {} has; route `{name}` accepts {accepted}.",
            shared.version, case.provider.known.display_name
        ),
    };
    vec![told(Finding::Version, fix)]
}

/// The method, and what may have changed it.
pub(super) fn method(capture: &Capture, name: &str) -> Told {
    let overridden = [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X-Original-Method",
        "X-Forwarded-Method",
    ];
    let mut overridden = overridden
        .into_iter()
        .filter(|header| capture.header(header).is_some());
    let method = capture.method.get(..MAX_SHOWN).unwrap_or(&capture.method);
    let method = method.escape_debug();
    let cause = if let Some(header) = overridden.next() {
        format!(
            "Its header {header} says that something changed it: let that leave the method alone."
        )
    } else if capture.method == "GET" {
        "A redirect (301, 302, 303) makes a GET without a body of a POST: give the provider the URL to which it \
         leads."
            .to_owned()
    } else {
        "If the provider is to send it, add it to the route's `methods`.".to_owned()
    };
    let fix = format!("Route `{name}` does not take {method}. {cause}");
    told(Finding::Method, fix)
}

/// A host that is not allowed, or a query that was decoded.
pub(super) fn target(case: &Case<'_>) -> Vec<Told> {
    let mut found = Vec::new();
    let target = &case.capture.target;
    let query = target
        .splitn(2, |byte| *byte == b'?')
        .nth(1)
        .unwrap_or_default();
    let signs_uri = case.accepted.iter().any(|scheme| scheme.signs_uri());
    let is_decoded = |byte: &u8| {
        !byte.is_ascii_graphic() || b"\"<>#".contains(byte) || (signs_uri && b"[{".contains(byte))
    };
    if let Some(byte) = query.iter().find(|byte| is_decoded(byte)) {
        let fix = format!(
            "The query has the byte 0x{byte:02X} as it is, where a sender writes `%{byte:02X}`: something before \
             hookward decoded it. Let the proxy pass on the request target as it came (in nginx: `proxy_pass` \
             without a path, and no `rewrite`)."
        );
        found.push(told(Finding::QueryDecoded, fix));
    } else if let Some(host) = host_not_allowed(case) {
        let fix = format!(
            "The request was called for host `{host}`, which `public_hosts` under [server] does not list ({}). \
             Add it there if it is the public one, set the route's `public_url`, or let the proxy pass on the \
             host that was called.",
            case.route.public_hosts.join(", ")
        );
        found.push(told(Finding::UrlHost, fix));
    }
    found
}

/// The host that was called, where the configuration lists hosts and not this one.
fn host_not_allowed(case: &Case<'_>) -> Option<String> {
    let route = &case.route;
    if route.public_url.is_some() || route.public_hosts.is_empty() {
        return None;
    }
    let url = std::str::from_utf8(&case.received.url).ok()?;
    let (_, rest) = url.split_once("://").filter(|_| case.is_url_known)?;
    let host = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
    let is_listed = route.public_hosts.iter().any(|listed| {
        let same = |scheme: &str| {
            without_default_port(scheme, &host)
                == without_default_port(scheme, &listed.to_ascii_lowercase())
        };
        same("https") || same("http")
    });
    let is_host = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte));
    (!is_listed && is_host && !host.is_empty()).then_some(host)
}
