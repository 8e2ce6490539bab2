//! Judges `[route.verify]`: which scheme, and the keys that belong to it.

use std::ops::Range;
use std::time::Duration;

use super::api_key::read_location;
use super::secret::read_secrets;
use super::values::required;
use crate::config::finding::Findings;
use crate::config::reading::raw::{RawScheme, RawVerify, RawVersion};
use crate::config::reading::spanned::Spanned;
use crate::config::settings::{Secrets, VerifyConfig};
use crate::providers;
use crate::verify::Freshness;

/// Beyond this a signed time protects little.
const LONGEST_USUAL_AGE: Duration = Duration::from_secs(3_600);

pub(super) fn read_verify(
    raw: Spanned<RawVerify>,
    url_is_missing: bool,
    mode: Secrets,
    findings: &mut Findings<'_>,
) -> Option<VerifyConfig> {
    let span = raw.span();
    let raw = raw.into_inner();
    if let Some(replay) = raw.replay.as_ref().filter(|replay| *replay.get_ref()) {
        let message = "replay protection is not in this version; remove the key or set it to false";
        findings.error(replay.span(), "route.verify.replay", message);
    }
    let secrets = read_secrets(raw.secrets.as_ref(), &span, mode, findings);
    let scheme = required(
        raw.scheme
            .as_ref()
            .map(|scheme| Spanned::new(scheme.span(), *scheme.get_ref())),
        &span,
        "route.verify.scheme",
        "one of \"hubspot\", \"twenty\", \"api-key\"",
        findings,
    );
    let scheme = *scheme?.get_ref();
    only_own_keys(&raw, scheme, findings);
    if let Some(age) = raw
        .max_age
        .as_ref()
        .filter(|age| age.get_ref().0 > LONGEST_USUAL_AGE)
    {
        let message = "a request that was captured can be sent again for longer than an hour";
        findings.warning(age.span(), "route.verify.max_age", message);
    }
    let freshness = Freshness {
        max_age: raw
            .max_age
            .map_or(Duration::from_secs(300), |age| age.into_inner().0),
        max_skew: raw
            .max_skew
            .map_or(Duration::from_secs(300), |skew| skew.into_inner().0),
    };
    match scheme {
        RawScheme::Twenty => Some(VerifyConfig::Signature {
            provider: &providers::TWENTY,
            versions: Vec::new(),
            freshness,
            secrets: secrets?,
        }),
        RawScheme::Hubspot => {
            let versions = required(
                raw.versions,
                &span,
                "route.verify.versions",
                "such as [\"v3\"]",
                findings,
            )?;
            let versions = read_versions(&versions, url_is_missing, findings)?;
            Some(VerifyConfig::Signature {
                provider: &providers::HUBSPOT,
                versions,
                freshness,
                secrets: secrets?,
            })
        }
        RawScheme::ApiKey => Some(VerifyConfig::ApiKey {
            location: read_location(raw.header, raw.query, &span, findings)?,
            strip: raw.strip.is_none_or(|strip| *strip.get_ref()),
            sender_is_hubspot: raw.sender.is_some(),
            secrets: secrets?,
        }),
    }
}

/// A key, where it stands, and the schemes it belongs to.
type OwnKey<'a> = (&'a str, Option<Range<usize>>, &'a [RawScheme]);

/// Keys of one scheme mean nothing in another; ignoring them would hide a mistake.
fn only_own_keys(raw: &RawVerify, scheme: RawScheme, findings: &mut Findings<'_>) {
    use RawScheme::{ApiKey, Hubspot, Twenty};
    fn span<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
        value.as_ref().map(Spanned::span)
    }
    let keys: [OwnKey<'_>; 7] = [
        ("versions", span(&raw.versions), &[Hubspot]),
        ("max_age", span(&raw.max_age), &[Hubspot, Twenty]),
        ("max_skew", span(&raw.max_skew), &[Hubspot, Twenty]),
        ("header", span(&raw.header), &[ApiKey]),
        ("query", span(&raw.query), &[ApiKey]),
        ("strip", span(&raw.strip), &[ApiKey]),
        ("sender", span(&raw.sender), &[ApiKey]),
    ];
    for (key, span, schemes) in keys {
        if let Some(span) = span.filter(|_| !schemes.contains(&scheme)) {
            let message = "this key has no meaning with this scheme; remove it";
            findings.error(span, &format!("route.verify.{key}"), message);
        }
    }
}

fn read_versions(
    versions: &Spanned<Vec<Spanned<RawVersion>>>,
    url_is_missing: bool,
    findings: &mut Findings<'_>,
) -> Option<Vec<String>> {
    const KEY: &str = "route.verify.versions";
    let list = versions.get_ref();
    if list.is_empty() {
        findings.error(
            versions.span(),
            KEY,
            "expected at least one of \"v1\", \"v2\", \"v3\"",
        );
        return None;
    }
    for version in list {
        let warning = match version.get_ref() {
            RawVersion::V1 => {
                "v1 signs the body alone: method, URL and time are not protected, and requests can be replayed"
            }
            RawVersion::V2 => "v2 signs no time: requests can be replayed",
            RawVersion::V3 => continue,
        };
        findings.warning(version.span(), KEY, warning);
    }
    let signs_url = list
        .iter()
        .any(|version| *version.get_ref() != RawVersion::V1);
    if signs_url && url_is_missing {
        let message = "v2 and v3 sign the public URL; set `public_url` in the route, or `trusted_proxies` and `public_hosts` in [server]";
        findings.error(versions.span(), KEY, message);
    }
    let name = |version: &Spanned<RawVersion>| match version.get_ref() {
        RawVersion::V1 => "v1".to_owned(),
        RawVersion::V2 => "v2".to_owned(),
        RawVersion::V3 => "v3".to_owned(),
    };
    Some(list.iter().map(name).collect())
}
