//! `public_url`: the URL that a provider calls, which it may sign.

use crate::config::finding::Findings;
use crate::config::reading::spanned::Spanned;
use crate::config::settings::PublicBase;

pub(super) fn read_public_url(
    url: &Spanned<String>,
    findings: &mut Findings<'_>,
) -> Option<PublicBase> {
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
