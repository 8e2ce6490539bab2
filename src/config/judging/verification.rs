//! Judges `[route.verify]`: which scheme, and the keys that belong to it.
//!
//! Nothing here knows a provider: what a scheme needs and what its versions protect is read from its
//! description.

use std::ops::Range;
use std::time::Duration;

use super::api_key::read_location;
use super::replay::{on_replay, without_time};
use super::secret::{Use, read_secrets};
use super::values::required;
use crate::config::finding::Findings;
use crate::config::nearest::unknown_value;
use crate::config::reading::raw::RawVerify;
use crate::config::reading::spanned::Spanned;
use crate::config::reading::units::HumanDuration;
use crate::config::scheme_keys::{self, has_versions, signs_time};
use crate::config::settings::{Options, VerifyConfig};
use crate::providers::Providers;
use crate::verify::{API_KEY, ApiKeyLocation, BodyStart, Freshness};
use crate::verify::{Provider, Scheme};

const VERSIONS: &str = "route.verify.versions";

/// Beyond this a signed time protects little.
const LONGEST_USUAL_AGE: Duration = Duration::from_secs(3_600);

/// What `scheme = "…"` names.
#[derive(Clone, Copy)]
enum Kind {
    Signature(&'static Provider),
    ApiKey,
}

pub(super) fn read_verify(
    raw: Spanned<RawVerify>,
    url_is_missing: bool,
    options: Options,
    findings: &mut Findings<'_>,
) -> Option<VerifyConfig> {
    let span = raw.span();
    let raw = raw.into_inner();
    let names = scheme_names(options.providers);
    let example = format!("one of \"{}\"", names.join("\", \""));
    let scheme = required(
        raw.scheme.as_ref(),
        &span,
        "route.verify.scheme",
        &example,
        findings,
    );
    let kind = scheme.and_then(|scheme| read_kind(scheme, options.providers, findings));
    if let Some(kind) = kind {
        let provider = match kind {
            Kind::Signature(provider) => Some(provider),
            Kind::ApiKey => None,
        };
        only_own_keys(&raw, provider, findings);
    }
    let location = match kind {
        Some(Kind::ApiKey) => Some(read_location(&raw, &span, options.providers, findings)),
        _ => None,
    };
    let in_header = matches!(location, Some(Some(ApiKeyLocation::Header(_))));
    let secrets = read_secrets(
        raw.secrets.as_ref(),
        &span,
        Use { in_header, options },
        findings,
    );
    match kind? {
        Kind::Signature(provider) => {
            let schemes = accepted(&raw, provider, &span, findings)?;
            judge_schemes(&raw, &schemes, provider, url_is_missing, findings);
            let on_replay = on_replay(&raw, &schemes, findings);
            Some(VerifyConfig::Signature {
                provider,
                versions: match raw.versions {
                    Some(_) => schemes
                        .iter()
                        .map(|scheme| scheme.version.to_owned())
                        .collect(),
                    None => Vec::new(),
                },
                body_start: raw
                    .body_start
                    .map_or(BodyStart::Any, |start| start.into_inner().into()),
                on_replay,
                freshness: freshness(raw.max_age.as_ref(), raw.max_skew.as_ref(), findings),
                secrets: secrets?,
            })
        }
        Kind::ApiKey => {
            without_time(&raw, findings);
            Some(VerifyConfig::ApiKey {
                location: location??,
                strip: raw.strip.is_none_or(|strip| *strip.get_ref()),
                sender: match raw.sender {
                    Some(sender) => Some(read_sender(&sender, options.providers, findings)?),
                    None => None,
                },
                secrets: secrets?,
            })
        }
    }
}

/// All that `scheme` can be.
fn scheme_names(providers: Providers) -> Vec<&'static str> {
    let names = providers.iter().map(|provider| provider.name);
    names.chain([API_KEY]).collect()
}

fn read_kind(
    scheme: &Spanned<String>,
    providers: Providers,
    findings: &mut Findings<'_>,
) -> Option<Kind> {
    let name = scheme.get_ref();
    if name == API_KEY {
        return Some(Kind::ApiKey);
    }
    let provider = providers.find(name);
    if provider.is_none() {
        let (message, help) = unknown_value(name, &scheme_names(providers));
        findings.error_with_help(scheme.span(), "route.verify.scheme", message, Some(help));
    }
    provider.map(Kind::Signature)
}

fn read_sender(
    sender: &Spanned<String>,
    providers: Providers,
    findings: &mut Findings<'_>,
) -> Option<&'static Provider> {
    let provider = providers.find(sender.get_ref());
    if provider.is_none() {
        let names: Vec<&str> = providers.iter().map(|provider| provider.name).collect();
        let (message, help) = unknown_value(sender.get_ref(), &names);
        findings.error_with_help(sender.span(), "route.verify.sender", message, Some(help));
    }
    provider
}

/// Keys of one scheme mean nothing in another; ignoring them would hide a mistake.
fn only_own_keys(raw: &RawVerify, provider: Option<&Provider>, findings: &mut Findings<'_>) {
    fn span<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
        value.as_ref().map(Spanned::span)
    }
    for key in scheme_keys::KEYS {
        let span = match key {
            "versions" => span(&raw.versions),
            "max_age" => span(&raw.max_age),
            "max_skew" => span(&raw.max_skew),
            "body_start" => span(&raw.body_start),
            "header" => span(&raw.header),
            "query" => span(&raw.query),
            "strip" => span(&raw.strip),
            "sender" => span(&raw.sender),
            "on_replay" => span(&raw.on_replay),
            _ => None,
        };
        if let Some(span) = span.filter(|_| !scheme_keys::belongs(key, provider)) {
            let message = "this key has no meaning with this scheme; remove it";
            findings.error(span, &format!("route.verify.{key}"), message);
        }
    }
}

/// The accepted schemes of a provider, in the order of `versions`.
fn accepted(
    raw: &RawVerify,
    provider: &'static Provider,
    table: &Range<usize>,
    findings: &mut Findings<'_>,
) -> Option<Vec<&'static Scheme>> {
    if !has_versions(provider) {
        return Some(provider.schemes.iter().collect());
    }
    let known = scheme_keys::versions(provider);
    let quoted = format!("\"{}\"", known.join("\", \""));
    let strongest = provider.schemes.first().map_or("", |scheme| scheme.version);
    let example = format!("such as [\"{strongest}\"]");
    let versions = required(raw.versions.as_ref(), table, VERSIONS, &example, findings)?;
    if versions.get_ref().is_empty() {
        let message = format!("expected at least one of {quoted}");
        findings.error(versions.span(), VERSIONS, message);
        return None;
    }
    let read = |version: &Spanned<String>| {
        let mut schemes = provider.schemes.iter();
        let scheme = schemes.find(|scheme| scheme.version == version.get_ref());
        if scheme.is_none() {
            let (message, help) = unknown_value(version.get_ref(), &known);
            findings.error_with_help(version.span(), VERSIONS, message, Some(help));
        }
        scheme
    };
    let read: Vec<Option<&Scheme>> = versions.get_ref().iter().map(read).collect();
    read.into_iter().collect()
}

/// What the accepted schemes do not protect, and what they need.
fn judge_schemes(
    raw: &RawVerify,
    schemes: &[&'static Scheme],
    provider: &Provider,
    url_is_missing: bool,
    findings: &mut Findings<'_>,
) {
    let versions = raw.versions.as_ref();
    let (key, whole) = match (versions, &raw.scheme) {
        (Some(versions), _) => (VERSIONS, versions.span()),
        (None, Some(scheme)) => ("route.verify.scheme", scheme.span()),
        (None, None) => return,
    };
    let places = versions.map_or(&[][..], |versions| versions.get_ref());
    let places = places.iter().map(Spanned::span).map(Some);
    for (scheme, place) in schemes.iter().zip(places.chain(std::iter::repeat(None))) {
        let place = place.unwrap_or_else(|| whole.clone());
        if let Some(weakness) = weakness(scheme) {
            findings.warning(place, key, format!("{} {weakness}", scheme.version));
        }
    }
    if schemes.iter().any(|scheme| scheme.signs_uri()) && url_is_missing {
        let mut signing: Vec<&str> = provider
            .schemes
            .iter()
            .filter(|scheme| scheme.signs_uri())
            .map(|scheme| scheme.version)
            .collect();
        signing.sort_unstable();
        let (who, verb) = match signing.as_slice() {
            [one] => ((*one).to_owned(), "signs"),
            several => (several.join(" and "), "sign"),
        };
        let message = format!(
            "{who} {verb} the public URL; set `public_url` in the route, or in [server] `public_hosts` with \
             `trusted_proxies` or [server.tls]"
        );
        findings.error(whole.clone(), key, message);
    }
    if let Some(body_start) = &raw.body_start
        && provider.schemes.iter().any(Scheme::signs_uri_before_body)
        && !schemes.iter().any(|scheme| scheme.signs_uri_before_body())
    {
        let message = "none of the accepted versions signs the URL with the body behind it; remove \
                       the key";
        findings.error(body_start.span(), "route.verify.body_start", message);
    }
    let times = [
        ("route.verify.max_age", &raw.max_age),
        ("route.verify.max_skew", &raw.max_skew),
    ];
    for (key, time) in times {
        if let Some(time) = time
            && provider.schemes.iter().any(signs_time)
            && !schemes.iter().any(|scheme| signs_time(scheme))
        {
            let message = "none of the accepted versions signs a time, so this has no effect";
            findings.warning(time.span(), key, message);
        }
    }
}

/// What a scheme leaves open to whoever has seen a signed request.
fn weakness(scheme: &Scheme) -> Option<&'static str> {
    match (signs_time(scheme), scheme.signs_uri()) {
        (true, _) => None,
        (false, true) => Some("signs no time: requests can be replayed"),
        (false, false) => Some(
            "signs the body alone: method, URL and time are not protected, and requests can be \
             replayed",
        ),
    }
}

fn freshness(
    max_age: Option<&Spanned<HumanDuration>>,
    max_skew: Option<&Spanned<HumanDuration>>,
    findings: &mut Findings<'_>,
) -> Freshness {
    const DEFAULT: Duration = Duration::from_secs(300);
    if let Some(age) = max_age
        && age.get_ref().0 > LONGEST_USUAL_AGE
    {
        let message = "a request that was captured can be sent again for longer than an hour";
        findings.warning(age.span(), "route.verify.max_age", message);
    }
    Freshness {
        max_age: max_age.map_or(DEFAULT, |age| age.get_ref().0),
        max_skew: max_skew.map_or(DEFAULT, |skew| skew.get_ref().0),
    }
}
