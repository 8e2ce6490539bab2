//! URLs that are asked: where they lead, and what of them may be shown.

use http::Uri;

use crate::config::Upstream;

/// Where a URL leads; `None` where it is no http or https URL with a host, or has a user in it.
pub(super) fn upstream_of(url: &Uri) -> Option<Upstream> {
    let tls = match url.scheme_str()? {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let host = url.host()?.trim_matches(['[', ']']);
    let usual = if tls { 443 } else { 80 };
    let is_plain = !host.is_empty() && !url.authority()?.as_str().contains('@');
    is_plain.then(|| Upstream::Tcp {
        host: host.to_owned(),
        port: url.port_u16().unwrap_or(usual),
        tls,
    })
}

/// Host and port, as `Host` has them.
pub(super) fn host_of(url: &Uri) -> String {
    let authority = url.authority().map(|authority| authority.as_str());
    let authority = authority.unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    host.to_owned()
}

/// Scheme, host and port: a path or a query may be a key.
pub(super) fn origin_of(url: &Uri) -> String {
    format!(
        "{}://{}",
        url.scheme_str().unwrap_or_default(),
        host_of(url)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_origin_is_shown() {
        let url: Uri = "https://u:p@a.example:8443/b?key=c".parse().unwrap();
        assert_eq!(origin_of(&url), "https://a.example:8443");
        assert_eq!(upstream_of(&url), None);
        let url: Uri = "http://[::1]/".parse().unwrap();
        assert_eq!(origin_of(&url), "http://[::1]");
        let host = "::1".to_owned();
        let upstream = Upstream::Tcp {
            host,
            port: 80,
            tls: false,
        };
        assert_eq!(upstream_of(&url), Some(upstream));
    }
}
