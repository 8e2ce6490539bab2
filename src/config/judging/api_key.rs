//! Where an API key is sent: a header or a query parameter.

use std::ops::Range;

use http::HeaderName;

use super::values::located;
use crate::config::finding::Findings;
use crate::config::reading::spanned::Spanned;
use crate::handoff;
use crate::verify::ApiKeyLocation;

pub(super) fn read_location(
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
            if handoff::is_reserved(name.as_str().as_bytes()) {
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
            let message = if first.is_some() {
                "both `header` and `query` are there; remove one of them"
            } else {
                "expected either `header` or `query`, to say where the key is sent"
            };
            let span = second.or(first).map_or(table.clone(), |key| key.span());
            findings.error(span, "route.verify", message);
            None
        }
    }
}
