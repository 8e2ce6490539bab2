//! Checks a route against what its scheme signs: URLs that can never match or never pass, and methods with
//! which a signature protects less than it seems to.

use std::ops::Range;

use crate::config::finding::Findings;
use crate::config::settings::{PublicBase, VerifyConfig};
use crate::http1::target::Target;
use crate::route::pattern::PathPattern;
use crate::verify::BodyStart;
use crate::verify::scheme::Part;

/// The parts of a route that a scheme may sign, each with its place.
pub(super) struct SignedParts<'a> {
    pub(super) path: Option<(&'a PathPattern, Range<usize>)>,
    /// The methods as they are written; none where the default is taken.
    pub(super) methods: &'a [(String, Range<usize>)],
    pub(super) public_url: Option<(&'a PublicBase, Range<usize>)>,
}

pub(super) fn judge_signed(
    verify: &VerifyConfig,
    parts: SignedParts<'_>,
    findings: &mut Findings<'_>,
) {
    methods(verify, parts.methods, findings);
    if verify.schemes().any(|scheme| scheme.signs_uri()) {
        url(verify, parts, findings);
    }
}

fn url(verify: &VerifyConfig, parts: SignedParts<'_>, findings: &mut Findings<'_>) {
    let SignedParts {
        path, public_url, ..
    } = parts;
    if let Some((pattern, place)) = &path {
        let (PathPattern::Exact(text) | PathPattern::Prefix(text)) = pattern;
        let checked = Target::parse(text.as_bytes()).and_then(|target| target.check_signed());
        // The path of `/*` is empty, and passes.
        if let (Err(error), false) = (checked, text.is_empty()) {
            let message =
                format!("where the URL is signed, no request with this path is served: {error}");
            findings.error(place.clone(), "route.path", message);
        }
    }
    let Some((public, place)) = public_url else {
        return;
    };
    let sender = verify.sender();
    if let Some(sender) = sender.filter(|sender| sender.known.calls_https_alone)
        && public.base.starts_with("http://")
    {
        let message = format!(
            "{} calls https alone, so no signature will match; expected https://",
            sender.known.display_name
        );
        findings.warning(place.clone(), "route.public_url", message);
    }
    if let Some((PathPattern::Exact(path), _)) = path
        && public.has_path
        && public.ended_in_slash
    {
        let message = format!(
            "the URL that is signed is `{}`, without the `/` at its end; if the sender calls it \
             with one, leave the path out here and write it in the route's `path` (now `{path}`)",
            public.base
        );
        findings.warning(place, "route.public_url", message);
    }
}

fn methods(verify: &VerifyConfig, methods: &[(String, Range<usize>)], findings: &mut Findings<'_>) {
    const KEY: &str = "route.methods";
    let body_start = match verify {
        VerifyConfig::Signature { body_start, .. } => *body_start,
        VerifyConfig::ApiKey { .. } => return,
    };
    let is_cut = body_start == BodyStart::Any
        && verify
            .schemes()
            .any(|scheme| scheme.signs_uri_before_body());
    let mut constant = verify.schemes().filter(|scheme| {
        let is_constant = |part: &Part| matches!(part, Part::Body | Part::Literal(_));
        scheme.signed.iter().all(is_constant)
    });
    let constant = constant.next();
    for (method, place) in methods {
        let has_no_body = matches!(method.as_str(), "GET" | "HEAD" | "DELETE" | "OPTIONS");
        if let Some(scheme) = constant.filter(|_| has_no_body) {
            let message = format!(
                "{} signs the body alone, and a {method} has none: all have the same signature, and \
                 whoever has seen one can call anything here",
                scheme.version
            );
            findings.warning(place.clone(), KEY, message);
        }
        if is_cut && matches!(method.as_str(), "GET" | "DELETE") {
            let message = format!(
                "whoever has seen a signed {method} can move the end of its URL into the body \
                 (`?userId=51` becomes `?userId=5`), and it still verifies; unless the sender's \
                 bodies are no JSON, set `body_start = \"json\"`"
            );
            findings.warning(place.clone(), KEY, message);
        }
    }
}
