//! The version of a scheme: a signature by one version's rule in another's header, or under another's name.

use super::Mistake;
use super::url::place::{route, shown};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::supposed::{Change, Concern, Supposed};
use crate::verify::scheme::Selector;
use crate::verify::{Scheme, presented};

pub(super) static VERSION: Mistake = Mistake {
    finding: Finding::Version,
    concern: Concern::Scheme,
    undo: other_versions,
    fix: fix_version,
};

/// How many signatures are taken of a request, which chooses how many it brings.
const MAX_SIGNATURES: usize = 4;

fn other_versions(case: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let schemes = case.provider.schemes;
    if schemes.len() < 2 {
        return Vec::new();
    }
    let mut digests: Vec<[u8; 32]> = supposed.presented.into_iter().collect();
    for (_, digest) in signatures(case) {
        if !digests.contains(&digest) && digests.len() < MAX_SIGNATURES {
            digests.push(digest);
        }
    }
    // A request may bring signatures by several versions. One in a header that decides alone is not wrong
    // because another is right: that one just says less.
    let own = supposed
        .presented
        .filter(|_| decides_alone(case, supposed.scheme));
    let is_other = |scheme: &'static Scheme, digest: &[u8; 32]| {
        let is_scheme = std::ptr::eq(scheme, supposed.scheme);
        match own {
            Some(own) => is_scheme != (own == *digest),
            None => !is_scheme || supposed.presented.as_ref() != Some(digest),
        }
    };
    let all = schemes.iter().flat_map(|scheme| {
        let others = digests
            .iter()
            .filter(move |digest| is_other(scheme, digest));
        others.map(move |digest| Change::Scheme(scheme, *digest))
    });
    all.collect()
}

/// Whether the request has the header of its own that makes a scheme decide.
fn decides_alone(case: &Case<'_>, scheme: &Scheme) -> bool {
    scheme.selector == Selector::OwnHeader && case.header(scheme.signature_header).is_some()
}

/// The signatures that the request has, each with its header. One in another's header may be written in
/// the way of either.
fn signatures<'a>(case: &'a Case<'_>) -> impl Iterator<Item = (&'a str, [u8; 32])> {
    let schemes = case.provider.schemes;
    let fields = case.capture.fields.iter().filter(move |(name, _)| {
        let mut headers = schemes.iter().map(|scheme| scheme.signature_header);
        headers.any(|header| header.eq_ignore_ascii_case(name))
    });
    fields.filter_map(move |(name, value)| {
        let digest = schemes.iter().find_map(|scheme| presented(scheme, value))?;
        Some((&**name, digest))
    })
}

fn fix_version(case: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let (provider, scheme) = (case.provider.known.display_name, after.scheme);
    let version = scheme.version;
    let found = signatures(case).find(|(_, digest)| after.presented.as_ref() == Some(digest));
    let header = found.map_or(scheme.signature_header, |(name, _)| name);
    let header = shown(header.as_bytes());
    let what = format!("The signature in {header} is by the rule of {version}");
    let is_accepted = case
        .accepted
        .iter()
        .any(|other| std::ptr::eq(*other, scheme));
    if !is_accepted {
        let strongest = case
            .provider
            .schemes
            .first()
            .map_or("", |scheme| scheme.version);
        let accepted = case.accepted.iter().map(|scheme| scheme.version);
        let versions: Vec<String> = accepted
            .chain([version])
            .map(|version| format!("\"{version}\""))
            .collect();
        return format!(
            "{what}, which the route does not accept. Let {provider} sign by {strongest} if it can; else accept \
             this one too: {}, in [route.verify]: versions = [{}].",
            route(case),
            versions.join(", ")
        );
    }
    if !header.eq_ignore_ascii_case(scheme.signature_header) {
        return format!(
            "{what}, whose header is {}. Whoever signs must send it in that header.",
            scheme.signature_header
        );
    }
    match case.provider.versioned {
        Some(shared) if shared.signature == scheme.signature_header => format!(
            "{what}, but the request was judged by {}. Whoever signs must send `{}: {version}` with it, and \
             nothing in front of hookward may change that header.",
            before.scheme.version, shared.version
        ),
        _ => format!("{what}. Whoever signs must use that rule's header for it and no other."),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use crate::explain::mistakes::url::testing::{Trial, digest};

    const URL: &str = "https://hooks.example.com/hubspot/crm?x=1";

    #[test]
    fn versions_are_found() {
        let v1 = hex::encode(digest("v1", "POST", b""));
        let v2 = hex::encode(digest("v2", "POST", URL.as_bytes()));
        let v3 = hex::encode(digest("v3", "POST", URL.as_bytes()));
        for (judged, presented, header, value) in [
            // Labelled as another version.
            ("v2", digest("v1", "POST", b""), "X-HubSpot-Signature", &v1),
            (
                "v1",
                digest("v2", "POST", URL.as_bytes()),
                "X-HubSpot-Signature",
                &v2,
            ),
            // By v3's rule, in the header of the others.
            (
                "v2",
                digest("v3", "POST", URL.as_bytes()),
                "X-HubSpot-Signature",
                &v3,
            ),
            // By another's rule, in the header of v3.
            (
                "v3",
                digest("v1", "POST", b""),
                "X-HubSpot-Signature-v3",
                &v1,
            ),
            (
                "v3",
                digest("v2", "POST", URL.as_bytes()),
                "X-HubSpot-Signature-v3",
                &v2,
            ),
        ] {
            let mut trial = Trial::new(judged, URL, URL).header(header, value);
            trial.presented = presented;
            assert_eq!(trial.words(), ["version"], "{judged} {value}");
            let fix = trial.found().unwrap().remove(0).1;
            assert!(!fix.contains(value.as_str()), "{fix}");
        }
    }

    #[test]
    fn a_signature_that_is_right_does_not_make_a_stronger_one_a_mistake() {
        // A delivery of HubSpot's has one by v1 and one by v3. That v1's matches tells of the secret and the
        // body alone.
        let both = "https://app.internal/hubspot/crm?x=1";
        let v3 = STANDARD.encode(digest("v3", "POST", URL.as_bytes()));
        let trial = Trial::new("v3", URL, both)
            .header("X-HubSpot-Signature-v3", &v3)
            .header(
                "X-HubSpot-Signature",
                &hex::encode(digest("v1", "POST", b"")),
            )
            .header("X-HubSpot-Signature-Version", "v1");
        assert!(trial.words().is_empty());
        let trial = trial.header("Host", "hooks.example.com");
        assert_eq!(trial.words(), ["url_host"]);
    }

    #[test]
    fn a_version_that_is_there_beside_is_found_where_the_judged_one_is_not() {
        let mut trial = Trial::new("v2", URL, URL).header(
            "X-HubSpot-Signature-v3",
            &STANDARD.encode(digest("v3", "POST", URL.as_bytes())),
        );
        (trial.presented, trial.accepted) = ([7; 32], &["v2"]);
        assert_eq!(trial.words(), ["version"]);
    }

    #[test]
    fn a_version_that_is_not_accepted_is_added() {
        let mut trial = Trial::new("v1", URL, URL);
        trial.presented = digest("v2", "POST", URL.as_bytes());
        trial.accepted = &["v1"];
        let fix = trial.found().unwrap().remove(0).1;
        assert!(fix.contains("versions = [\"v1\", \"v2\"]"), "{fix}");
    }
}
