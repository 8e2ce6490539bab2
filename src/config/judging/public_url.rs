//! `public_url`: the URL that a provider calls, which it may sign.

use crate::config::finding::Findings;
use crate::config::reading::spanned::Spanned;
use crate::config::settings::PublicBase;
use crate::http1::target::Target;

const KEY: &str = "route.public_url";

pub(super) fn read_public_url(
    url: &Spanned<String>,
    findings: &mut Findings<'_>,
) -> Option<PublicBase> {
    match parse(url.get_ref()) {
        Ok((base, written)) => {
            if base.base != written {
                let message = format!(
                    "senders call, and sign, a host in small letters and without a default port: \
                     taken as `{}`",
                    base.base
                );
                findings.warning(url.span(), KEY, message);
            }
            Some(base)
        }
        Err(message) => {
            findings.error(url.span(), KEY, message);
            None
        }
    }
}

/// The URL in the spelling that is signed, and as it was written.
fn parse(text: &str) -> Result<(PublicBase, &str), String> {
    const EXPECTED: &str =
        "expected the URL that the provider calls, such as \"https://hooks.example.com\"";
    if text.contains(['?', '#']) {
        return Err("a public URL has no query and no fragment; remove it".to_owned());
    }
    let uri: http::Uri = text.parse().map_err(|_| EXPECTED)?;
    let (Some(scheme @ ("https" | "http")), Some(authority)) = (uri.scheme_str(), uri.authority())
    else {
        return Err(EXPECTED.to_owned());
    };
    let host = authority.host();
    let port = authority.port_u16();
    let is_whole = host.len() == authority.as_str().len() || port.is_some_and(|port| port > 0);
    if host.is_empty() || authority.as_str().contains('@') || !is_whole {
        return Err(EXPECTED.to_owned());
    }
    if host.ends_with('.') || host.starts_with('.') || host.contains("..") {
        return Err("the host has a dot too many: senders would sign it without".to_owned());
    }
    if host.contains(['*', '%']) {
        return Err(EXPECTED.to_owned());
    }
    Target::parse(uri.path().as_bytes())
        .and_then(|target| target.check())
        .map_err(|error| format!("no provider signs this URL as it stands: {error}"))?;
    let usual = if scheme == "https" { 443 } else { 80 };
    let port = port.filter(|port| *port != usual);
    let port = port.map_or(String::new(), |port| format!(":{port}"));
    let written = text.strip_suffix('/').unwrap_or(text);
    let has_path = !matches!(uri.path(), "" | "/");
    let path = if has_path { uri.path() } else { "" };
    let path = path.strip_suffix('/').unwrap_or(path);
    let base = format!("{scheme}://{}{port}{path}", host.to_ascii_lowercase());
    let base = PublicBase {
        base,
        has_path,
        ended_in_slash: text.ends_with('/'),
    };
    Ok((base, written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_has_one_spelling() {
        for (text, base, has_path) in [
            ("https://a.example", "https://a.example", false),
            ("https://a.example/", "https://a.example", false),
            ("https://A.Example:443/In/", "https://a.example/In", true),
            ("http://a.example:80", "http://a.example", false),
            ("http://a.example:443/x", "http://a.example:443/x", true),
            ("https://[::1]:8443/x/", "https://[::1]:8443/x", true),
            ("https://a.example//", "https://a.example/", true),
        ] {
            let expected = PublicBase {
                base: base.to_owned(),
                has_path,
                ended_in_slash: text.ends_with('/'),
            };
            let parsed = parse(text);
            assert_eq!(parsed.map(|(parsed, _)| parsed), Ok(expected), "{text}");
        }
        for wrong in [
            "a.example",
            "ftp://a.example",
            "https://",
            "https://u@a",
            "https://a:",
            "https://a:0",
            "https://a:65536",
            "https://a./x",
            "https://.a",
            "https://a..b",
            "https://*.a",
            "https://a/..",
            "https://a/x/../y",
            "https://a/./y",
            "https://a/%2e%2e/y",
            "https://a/?x",
            "https://a/#x",
            "https://a/%zz",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
