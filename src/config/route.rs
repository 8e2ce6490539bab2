//! Judges one `[[route]]` and its `[route.verify]`.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method};
use toml::Spanned;

use super::finding::Findings;
use super::raw::{RawRoute, RawScheme, RawSecret, RawVerify, RawVersion};
use super::secret;
use super::validate::{positive, size};
use super::{PublicBase, RouteConfig, SecretError, Secrets, VerifyConfig};
use crate::handoff;
use crate::pattern::PathPattern;
use crate::verify::{ApiKeyLocation, Freshness, Secret, schemes};

const MAX_SECRETS: usize = 5;
const MAX_NAME_BYTES: usize = 64;

/// What a route takes from the rest of the file.
#[derive(Clone, Copy)]
pub(super) struct RouteDefaults {
    pub(super) max_body_bytes: u64,
    /// `trusted_proxies` and `public_hosts` stand in for `public_url`.
    pub(super) can_reconstruct_url: bool,
    pub(super) secrets: Secrets,
}

pub(super) fn validate(
    raw: Spanned<RawRoute>,
    defaults: RouteDefaults,
    findings: &mut Findings<'_>,
) -> Option<RouteConfig> {
    let span = raw.span();
    let raw = raw.into_inner();
    let name = required(
        raw.name,
        &span,
        "route.name",
        "such as \"hubspot-crm\"",
        findings,
    )
    .and_then(|name| read_name(&name, findings));
    let path = required(
        raw.path,
        &span,
        "route.path",
        "such as \"/hubspot\"",
        findings,
    )
    .and_then(|path| {
        located(
            &path,
            "route.path",
            PathPattern::parse(path.get_ref()),
            findings,
        )
    });
    let upstream = required(
        raw.upstream,
        &span,
        "route.upstream",
        "such as \"http://127.0.0.1:3000\"",
        findings,
    )
    .and_then(|upstream| {
        located(
            &upstream,
            "route.upstream",
            upstream.get_ref().parse(),
            findings,
        )
    });
    let methods = match raw.methods {
        None => Some(vec![Method::POST]),
        Some(methods) => read_methods(&methods, findings),
    };
    let url_is_missing = raw.public_url.is_none() && !defaults.can_reconstruct_url;
    let public_url = raw
        .public_url
        .and_then(|url| read_public_url(&url, findings));
    let enforce = raw
        .enforce
        .as_ref()
        .is_none_or(|enforce| *enforce.get_ref());
    if let Some(enforce) = raw.enforce.filter(|enforce| !enforce.get_ref()) {
        let message = "requests that do not verify are forwarded all the same";
        findings.warning(enforce.span(), "route.enforce", message);
    }
    let verify = match raw.verify {
        Some(verify) => read_verify(verify, url_is_missing, defaults.secrets, findings),
        None => {
            let message = "the route has no [route.verify]; add it with `scheme` and `secrets`";
            findings.error(span, "route.verify", message);
            None
        }
    };
    let mut duration = |raw, default, key| positive(raw, default, key, findings);
    Some(RouteConfig {
        upstream_timeout: duration(
            raw.upstream_timeout,
            Duration::from_secs(30),
            "route.upstream_timeout",
        ),
        upstream_connect_timeout: duration(
            raw.upstream_connect_timeout,
            Duration::from_secs(2),
            "route.upstream_connect_timeout",
        ),
        upstream_idle_timeout: duration(
            raw.upstream_idle_timeout,
            Duration::from_secs(4),
            "route.upstream_idle_timeout",
        ),
        max_body_bytes: size(
            raw.max_body_bytes.as_ref(),
            defaults.max_body_bytes,
            "route.max_body_bytes",
            findings,
        ),
        name: name?,
        path: path?,
        methods: methods?,
        upstream: upstream?,
        public_url,
        enforce,
        verify: verify?,
    })
}

fn required<T>(
    value: Option<Spanned<T>>,
    table: &Range<usize>,
    key: &str,
    example: &str,
    findings: &mut Findings<'_>,
) -> Option<Spanned<T>> {
    if value.is_none() {
        findings.error(table.clone(), key, format!("required, {example}"));
    }
    value
}

fn located<T, E: std::fmt::Display>(
    place: &Spanned<String>,
    key: &str,
    result: Result<T, E>,
    findings: &mut Findings<'_>,
) -> Option<T> {
    result
        .map_err(|error| findings.error(place.span(), key, error.to_string()))
        .ok()
}

fn read_name(name: &Spanned<String>, findings: &mut Findings<'_>) -> Option<Arc<str>> {
    let text = name.get_ref();
    let sound = (1..=MAX_NAME_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    if !sound {
        let message = "expected 1 to 64 characters of a-z 0-9 _ -";
        findings.error(name.span(), "route.name", message);
    }
    sound.then(|| Arc::from(text.as_str()))
}

fn read_methods(
    methods: &Spanned<Vec<Spanned<String>>>,
    findings: &mut Findings<'_>,
) -> Option<Vec<Method>> {
    if methods.get_ref().is_empty() {
        findings.error(
            methods.span(),
            "route.methods",
            "expected at least one method",
        );
    }
    let read = |text: &Spanned<String>| match text.get_ref().parse::<Method>() {
        Ok(method) if method != Method::CONNECT => Some(method),
        _ => {
            let message = "expected an HTTP method other than CONNECT, such as \"POST\"";
            findings.error(text.span(), "route.methods", message);
            None
        }
    };
    methods.get_ref().iter().map(read).collect()
}

fn read_public_url(url: &Spanned<String>, findings: &mut Findings<'_>) -> Option<PublicBase> {
    let text = url.get_ref();
    let parsed = text.parse::<http::Uri>().ok();
    let has_authority = parsed.as_ref().is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("https" | "http"))
            && uri.authority().is_some_and(|authority| {
                let bare = authority.host().len() == authority.as_str().len();
                !authority.host().is_empty()
                    && !authority.as_str().contains('@')
                    && (bare || authority.port_u16().is_some_and(|port| port > 0))
            })
    });
    let mut refuse = |message: &str| {
        findings.error(url.span(), "route.public_url", message);
        None
    };
    if text.contains(['?', '#']) {
        return refuse("a public URL has no query and no fragment; remove it");
    }
    let (Some(uri), true) = (parsed, has_authority) else {
        return refuse(
            "expected the URL that the provider calls, such as \"https://hooks.example.com\"",
        );
    };
    Some(PublicBase {
        base: text.strip_suffix('/').unwrap_or(text).to_owned(),
        has_path: !matches!(uri.path(), "" | "/"),
    })
}

fn read_verify(
    raw: Spanned<RawVerify>,
    url_is_missing: bool,
    secrets: Secrets,
    findings: &mut Findings<'_>,
) -> Option<VerifyConfig> {
    let span = raw.span();
    let raw = raw.into_inner();
    if let Some(replay) = raw.replay.as_ref().filter(|replay| *replay.get_ref()) {
        let message = "replay protection is not in this version; remove the key or set it to false";
        findings.error(replay.span(), "route.verify.replay", message);
    }
    let secrets = read_secrets(raw.secrets.as_ref(), &span, secrets, findings);
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
            provider: &schemes::TWENTY,
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
                provider: &schemes::HUBSPOT,
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

/// Keys of one scheme mean nothing in another; ignoring them would hide a mistake.
fn only_own_keys(raw: &RawVerify, scheme: RawScheme, findings: &mut Findings<'_>) {
    use RawScheme::{ApiKey, Hubspot, Twenty};
    fn span<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
        value.as_ref().map(Spanned::span)
    }
    let keys: [(&str, Option<Range<usize>>, &[RawScheme]); 7] = [
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

fn read_location(
    header: Option<Spanned<String>>,
    query: Option<Spanned<String>>,
    table: &Range<usize>,
    findings: &mut Findings<'_>,
) -> Option<ApiKeyLocation> {
    match (header, query) {
        (Some(header), None) => {
            const KEY: &str = "route.verify.header";
            let name = located(
                &header,
                KEY,
                header
                    .get_ref()
                    .parse::<HeaderName>()
                    .map_err(|_| "expected a header name"),
                findings,
            )?;
            if handoff::is_reserved(&name) {
                findings.error(
                    header.span(),
                    KEY,
                    "hookward itself reads or sets this header",
                );
            }
            Some(ApiKeyLocation::Header(name))
        }
        (None, Some(query)) => {
            if query.get_ref().is_empty() {
                findings.error(
                    query.span(),
                    "route.verify.query",
                    "expected a parameter name",
                );
            }
            Some(ApiKeyLocation::Query(query.into_inner()))
        }
        (first, second) => {
            let span = second.or(first).map_or(table.clone(), |key| key.span());
            let message = "expected either `header` or `query`, to say where the key is sent";
            findings.error(span, "route.verify", message);
            None
        }
    }
}

fn read_secrets(
    raw: Option<&Spanned<Vec<Spanned<RawSecret>>>>,
    table: &Range<usize>,
    mode: Secrets,
    findings: &mut Findings<'_>,
) -> Option<Vec<Secret>> {
    const KEY: &str = "route.verify.secrets";
    let Some(raw) = raw else {
        let message = "required, such as [{ id = \"2026-11\", file = \"/run/secrets/hubspot\" }]";
        findings.error(table.clone(), KEY, message);
        return None;
    };
    if !(1..=MAX_SECRETS).contains(&raw.get_ref().len()) {
        findings.error(raw.span(), KEY, "expected 1 to 5 secrets");
    }
    let mut secrets: Vec<Secret> = Vec::new();
    let mut ids: Vec<&str> = Vec::new();
    for entry in raw.get_ref() {
        let Some(id) = &entry.get_ref().id else {
            findings.error(
                entry.span(),
                KEY,
                "a secret needs an `id`, such as \"2026-11\"",
            );
            continue;
        };
        let text = id.get_ref().as_str();
        let sound = (1..=MAX_NAME_BYTES).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !sound {
            let message = "expected an `id` of 1 to 64 characters of A-Z a-z 0-9 . _ -";
            findings.error(id.span(), KEY, message);
        } else if ids.contains(&text) {
            findings.error(
                id.span(),
                KEY,
                format!("another secret has the id `{text}`"),
            );
        }
        ids.push(text);
        match read_secret(entry.get_ref(), mode) {
            Ok(None) => {}
            Ok(Some(value)) => secrets.push(Secret {
                id: Arc::from(text),
                value,
            }),
            Err(message) => {
                findings.error(entry.span(), KEY, format!("secret `{text}`: {message}"))
            }
        }
    }
    Some(secrets)
}

fn read_secret(raw: &RawSecret, mode: Secrets) -> Result<Option<secrecy::SecretString>, String> {
    use secrecy::ExposeSecret;
    let describe = |error: SecretError| error.to_string();
    match (&raw.value, &raw.file, &raw.env) {
        (Some(value), None, None) => secret::sound(value.get_ref().expose_secret().to_owned())
            .map(Some)
            .map_err(describe),
        (None, Some(_), None) | (None, None, Some(_)) if mode == Secrets::Skip => Ok(None),
        (None, Some(file), None) => secret::read_secret_file(file.get_ref().as_ref())
            .map(Some)
            .map_err(describe),
        (None, None, Some(variable)) => secret::read_secret_variable(variable.get_ref())
            .map(Some)
            .map_err(describe),
        _ => Err("expected exactly one of `value`, `file` and `env`".to_owned()),
    }
}
