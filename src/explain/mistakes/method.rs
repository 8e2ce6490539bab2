//! The method: some proxies and frameworks override it, and redirects turn a POST into a GET.

use super::Mistake;
use super::url::parts::Parts;
use super::url::place::{route, shown};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::supposed::{Change, Concern, Supposed};
use crate::verify::scheme::Part;

pub(super) static METHOD: Mistake = Mistake {
    finding: Finding::Method,
    concern: Concern::Method,
    undo: other_methods,
    fix: fix_method,
};

/// The headers in which an overriding or an overridden method is named.
const METHOD_HEADERS: &[&str] = &[
    "X-Original-Method",
    "X-Forwarded-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X-HTTP-Method",
];
/// The parameter in which frameworks take one.
const METHOD_PARAMETER: &[u8] = b"_method=";
const METHODS: &[&str] = &["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD"];
/// Longer than any method that is in use.
const MAX_BYTES: usize = 32;

fn other_methods(case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    if !supposed.scheme.signed.contains(&Part::Method) {
        return Vec::new();
    }
    let mut methods: Vec<String> = Vec::new();
    let mut push = |method: &str| {
        let is_new = method != supposed.method && !methods.iter().any(|other| other == method);
        if is_new && !method.is_empty() && method.len() <= MAX_BYTES {
            methods.push(method.to_owned());
        }
    };
    let named = METHOD_HEADERS.iter().filter_map(|name| case.header(name));
    for method in named.chain(parameter(supposed)) {
        if let Ok(method) = std::str::from_utf8(method.trim_ascii()) {
            push(method);
            push(&method.to_ascii_uppercase());
        }
    }
    push(&supposed.method.to_ascii_uppercase());
    METHODS.iter().for_each(|method| push(method));
    push(&supposed.method.to_ascii_lowercase());
    for method in METHODS {
        push(&method.to_ascii_lowercase());
    }
    methods.into_iter().map(Change::Method).collect()
}

/// The method that the query names.
fn parameter(supposed: &Supposed) -> Option<&[u8]> {
    let query = Parts::of(&supposed.url)?.query?;
    let mut parameters = query.split(|byte| *byte == b'&');
    parameters.find_map(|parameter| parameter.strip_prefix(METHOD_PARAMETER))
}

fn fix_method(case: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let signed = shown(after.method.as_bytes());
    let hashed = shown(before.method.as_bytes());
    let what = format!("{signed} was signed, {hashed} arrived");
    let named = METHOD_HEADERS.iter().find(|name| {
        let value = case.header(name).map(<[u8]>::trim_ascii);
        value.is_some_and(|value| value.eq_ignore_ascii_case(after.method.as_bytes()))
    });
    if after.method.eq_ignore_ascii_case(&before.method) {
        return format!(
            "{what}: letters count. Whoever signs must sign the method as it is sent, {hashed}."
        );
    }
    if let Some(name) = named {
        return format!(
            "{what}, and `{name}` names the other. Keep the proxy or the sender from overriding the method: \
             send {signed} itself."
        );
    }
    if before.method == "GET" {
        return format!(
            "{what}. A redirect (301, 302 or 303) makes a GET of another method and drops the body: enter the URL \
             to which it leads at the sender (https for http, the slash at its end, `www.`), so that nothing \
             redirects."
        );
    }
    format!(
        "{what}. Keep whatever is in front of hookward from changing the method (nginx: no `proxy_method`), and \
         let the route take it: {}: methods = [\"{}\"].",
        route(case),
        after.method.to_ascii_uppercase()
    )
}

#[cfg(test)]
mod tests {
    use crate::explain::mistakes::url::testing::{Trial, digest};

    const URL: &str = "https://hooks.example.com/hubspot/crm?x=1";

    #[test]
    fn methods_are_found() {
        for (signed, received, header) in [
            ("POST", "GET", None),
            ("post", "POST", None),
            ("PATCH", "POST", None),
            ("PURGE", "POST", Some("purge")),
        ] {
            let mut trial = Trial::new("v2", URL, URL);
            trial.method = received;
            trial.presented = digest("v2", signed, URL.as_bytes());
            if let Some(header) = header {
                trial = trial.header("X-HTTP-Method-Override", header);
            }
            assert_eq!(trial.words(), ["method"], "{signed}");
        }
        let mut trial = Trial::new("v1", URL, URL);
        trial.presented = digest("v2", "GET", URL.as_bytes());
        trial.method = "POST";
        assert_ne!(trial.words(), ["method"], "v1 signs none");
    }
}
