//! Where an API key is sent: a header or a query parameter.

use std::ops::Range;

use http::HeaderName;

use super::values::located;
use crate::config::finding::Findings;
use crate::config::reading::raw::RawVerify;
use crate::config::reading::spanned::Spanned;
use crate::handoff;
use crate::providers::Providers;
use crate::verify::ApiKeyLocation;

pub(super) fn read_location(
    raw: &RawVerify,
    table: &Range<usize>,
    providers: Providers,
    findings: &mut Findings<'_>,
) -> Option<ApiKeyLocation> {
    match (&raw.header, &raw.query) {
        (Some(header), None) => {
            read_header(header, providers, findings).map(ApiKeyLocation::Header)
        }
        (None, Some(query)) => Some(ApiKeyLocation::Query(read_parameter(query, findings))),
        (first, second) => {
            let message = if first.is_some() {
                "both `header` and `query` are there; remove one of them"
            } else {
                "expected either `header` or `query`, to say where the key is sent"
            };
            let place = second.as_ref().or(first.as_ref());
            let place = place.map_or_else(|| table.clone(), Spanned::span);
            findings.error(place, "route.verify", message);
            None
        }
    }
}

fn read_header(
    header: &Spanned<String>,
    providers: Providers,
    findings: &mut Findings<'_>,
) -> Option<HeaderName> {
    const KEY: &str = "route.verify.header";
    let name = header.get_ref().parse::<HeaderName>();
    let name = name.map_err(|_| "expected a header name, such as \"X-Api-Key\"");
    let name = located(header, KEY, name, findings)?;
    let bytes = name.as_str().as_bytes();
    if handoff::is_reserved(bytes) || providers.send_header(bytes) {
        let message = "hookward itself reads or sets this header";
        findings.error(header.span(), KEY, message);
    }
    Some(name)
}

fn read_parameter(query: &Spanned<String>, findings: &mut Findings<'_>) -> String {
    const KEY: &str = "route.verify.query";
    let name = query.get_ref();
    if name.is_empty() {
        let message = "expected the name of a parameter, such as \"api_key\"";
        findings.error(query.span(), KEY, message);
    } else if name.contains('%') {
        let message = "names are compared decoded; write the character itself for its %-escape";
        findings.error(query.span(), KEY, message);
    }
    name.clone()
}
