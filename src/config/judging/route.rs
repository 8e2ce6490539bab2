//! Judges one `[[route]]` and its `[route.verify]`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::authorities::read_authorities;
use super::public_url::read_public_url;
use super::record::read_record;
use super::secret::is_name;
use super::signed::{SignedParts, judge_signed};
use super::spool;
use super::values::{located, positive, required, size};
use super::verification::read_verify;
use crate::config::finding::Findings;
use crate::config::reading::raw::{RawRoute, SpoolStore};
use crate::config::reading::spanned::Spanned;
use crate::config::settings::{Options, RouteConfig, Secrets, VerifyConfig};
use crate::config::upstream::Upstream;
use crate::providers::Providers;
use crate::route::pattern::PathPattern;
use crate::verify::API_KEY;

/// What a route takes from the rest of the file.
#[derive(Clone, Copy)]
pub(super) struct RouteDefaults {
    pub(super) max_body_bytes: u64,
    /// `public_hosts` and `trusted_proxies`, or `[server.tls]`, stand in for `public_url`.
    pub(super) can_reconstruct_url: bool,
    /// There is a `[record]`.
    pub(super) can_record: bool,
    /// The store of `[spool]`.
    pub(super) spool: Option<SpoolStore>,
    pub(super) options: Options,
}

pub(super) fn validate(
    raw: Spanned<RawRoute>,
    defaults: RouteDefaults,
    findings: &mut Findings<'_>,
) -> Option<RouteConfig> {
    let span = raw.span();
    let raw = raw.into_inner();
    let spool = spool::of_route(&raw, defaults.spool, findings);
    let name = required(
        raw.name,
        &span,
        "route.name",
        "such as \"hubspot-crm\"",
        findings,
    )
    .and_then(|name| read_name(&name, findings));
    let path_place = raw.path.as_ref().map(Spanned::span);
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
    let upstream_ca = raw.upstream_ca.and_then(|file| {
        read_upstream_ca(&file, upstream.as_ref(), defaults.options.secrets, findings)
    });
    let method_places = raw.methods.as_ref().map_or_else(Vec::new, |methods| {
        let places = methods.get_ref().iter();
        places
            .map(|method| (method.get_ref().clone(), method.span()))
            .collect()
    });
    let methods = match raw.methods {
        None => Some(vec![Method::POST]),
        Some(methods) => read_methods(&methods, findings),
    };
    let url_is_missing = raw.public_url.is_none() && !defaults.can_reconstruct_url;
    let url_place = raw.public_url.as_ref().map(Spanned::span);
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
    let record = raw
        .record
        .map(|record| read_record(&record, defaults.can_record, findings));
    let verify = match raw.verify {
        Some(verify) => read_verify(verify, url_is_missing, defaults.options, findings),
        None => {
            let message = "the route has no [route.verify]; add it with `scheme` and `secrets`";
            findings.missing(span, "route.verify", message);
            None
        }
    };
    if let Some(verify) = &verify {
        let signed = SignedParts {
            path: path.as_ref().zip(path_place),
            methods: &method_places,
            public_url: public_url.as_ref().zip(url_place),
        };
        judge_signed(verify, signed, findings);
    }
    let diagnose = raw
        .diagnose
        .as_ref()
        .is_some_and(|diagnose| *diagnose.get_ref());
    if let (Some(key), Some(VerifyConfig::ApiKey { .. })) = (&raw.diagnose, &verify)
        && diagnose
    {
        let message = "an API key is no signature: there is nothing to examine; remove the key";
        findings.error(key.span(), "route.diagnose", message);
    }
    if let (Some(retry_after), Some(verify)) = (&raw.retry_after, &verify)
        && !verify
            .sender()
            .is_some_and(|sender| sender.answers.reads_millis())
    {
        let message = in_milliseconds_for_nobody(defaults.options.providers);
        findings.error(retry_after.span(), "route.retry_after", message);
    }
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
        upstream_ca,
        upstream_protocol: raw
            .upstream_protocol
            .map(Spanned::into_inner)
            .unwrap_or_default(),
        retry_after: raw.retry_after.map(Spanned::into_inner).unwrap_or_default(),
        name: name?,
        path: path?,
        methods: methods?,
        upstream: upstream?,
        public_url,
        enforce,
        access_log: raw.access_log.is_some_and(Spanned::into_inner),
        diagnose,
        record: record.unwrap_or_default(),
        spool: spool.mode,
        spool_max_age: spool.max_age,
        spool_in_order: spool.in_order,
        verify: verify?,
    })
}

/// Why `retry_after` is no key of a route whose sender reads seconds.
fn in_milliseconds_for_nobody(providers: Providers) -> String {
    let mut readers = providers.iter().filter(|one| one.answers.reads_millis());
    match readers.next() {
        Some(reader) => format!(
            "only {} reads Retry-After in milliseconds; remove the key, or set `sender = \"{}\"` \
             beside `scheme = \"{API_KEY}\"`",
            reader.known.display_name, reader.name
        ),
        None => "no provider reads Retry-After in milliseconds; remove the key".to_owned(),
    }
}

fn read_name(name: &Spanned<String>, findings: &mut Findings<'_>) -> Option<Arc<str>> {
    let text = name.get_ref();
    let is_sound = is_name(
        text,
        |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'),
    );
    if !is_sound {
        let message = "expected 1 to 64 characters of a-z 0-9 _ -";
        findings.error(name.span(), "route.name", message);
    }
    is_sound.then(|| Arc::from(text.as_str()))
}

/// Certificates are read from files, so they are skipped where secrets are.
fn read_upstream_ca(
    file: &Spanned<String>,
    upstream: Option<&Upstream>,
    mode: Secrets,
    findings: &mut Findings<'_>,
) -> Option<Vec<Vec<u8>>> {
    const KEY: &str = "route.upstream_ca";
    findings.names_file(file.get_ref());
    if upstream.is_some_and(|upstream| !matches!(upstream, Upstream::Tcp { tls: true, .. })) {
        let message = "only an https:// upstream has a certificate to verify; remove the key";
        findings.error(file.span(), KEY, message);
        return None;
    }
    if mode == Secrets::Skip {
        return None;
    }
    located(
        file,
        KEY,
        read_authorities(Path::new(file.get_ref())),
        findings,
    )
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
    let is_lowercase = |method: &Method| {
        let method = method.as_str();
        method.to_ascii_uppercase() != method && is_standard(&method.to_ascii_uppercase())
    };
    let read = |text: &Spanned<String>| match text.get_ref().parse::<Method>() {
        Ok(method) if is_lowercase(&method) => {
            let message = format!(
                "methods are capitals: \"{}\"",
                method.as_str().to_uppercase()
            );
            findings.error(text.span(), "route.methods", message);
            None
        }
        Ok(method) if method != Method::CONNECT => {
            if !is_standard(method.as_str()) {
                let message = "not one of the usual methods, such as POST, GET and PUT; a typing error here \
                               refuses every request";
                findings.warning(text.span(), "route.methods", message);
            }
            Some(method)
        }
        _ => {
            let message = "expected an HTTP method other than CONNECT, such as \"POST\"";
            findings.error(text.span(), "route.methods", message);
            None
        }
    };
    methods.get_ref().iter().map(read).collect()
}

fn is_standard(method: &str) -> bool {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(&method)
}
