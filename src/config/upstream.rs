//! `upstream = …`: where verified requests go.

use std::path::PathBuf;
use std::str::FromStr;

use http::uri::Authority;

use super::listen_address::{MAX_SOCKET_PATH_BYTES, UNIX};

/// An app's address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Upstream {
    /// `http://host:port` or `https://host:port`.
    Tcp {
        /// The host: a name or an IP address, without brackets.
        host: String,
        /// The port.
        port: u16,
        /// TLS is spoken.
        tls: bool,
    },
    /// `unix:/path`.
    Unix(PathBuf),
}

/// Why a text is no upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// Neither `http://`, `https://` nor `unix:`.
    #[error("expected http://HOST:PORT, https://HOST:PORT or unix:/PATH")]
    Scheme,
    /// A path, query or fragment after the host.
    #[error("an upstream has no path: requests keep the target they came with; remove it")]
    Path,
    /// The host or port cannot be read.
    #[error("expected HOST or HOST:PORT after the scheme")]
    Authority,
    /// The path of a Unix socket is relative or longer than the system takes.
    #[error("expected an absolute path of at most 107 bytes after `unix:`")]
    Socket,
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        if let Some(path) = text.strip_prefix(UNIX) {
            if !path.starts_with('/') || path.len() > MAX_SOCKET_PATH_BYTES {
                return Err(UpstreamError::Socket);
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let (rest, tls) = if let Some(rest) = text.strip_prefix("http://") {
            (rest, false)
        } else if let Some(rest) = text.strip_prefix("https://") {
            (rest, true)
        } else {
            return Err(UpstreamError::Scheme);
        };
        if rest.contains(['/', '?', '#']) {
            return Err(UpstreamError::Path);
        }
        let authority: Authority = rest.parse().map_err(|_| UpstreamError::Authority)?;
        let host = authority.host().trim_matches(['[', ']']);
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if authority.host().len() != rest.len() => return Err(UpstreamError::Authority),
            None if tls => 443,
            None => 80,
        };
        if host.is_empty() || rest.contains('@') || port == 0 {
            return Err(UpstreamError::Authority);
        }
        Ok(Self::Tcp {
            host: host.to_owned(),
            port,
            tls,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_are_read_strictly() {
        let tcp = |host: &str, port, tls| {
            Ok(Upstream::Tcp {
                host: host.to_owned(),
                port,
                tls,
            })
        };
        for (text, expected) in [
            ("http://127.0.0.1:3000", tcp("127.0.0.1", 3000, false)),
            ("http://app", tcp("app", 80, false)),
            ("https://app.example", tcp("app.example", 443, true)),
            ("http://[::1]:3000", tcp("::1", 3000, false)),
            (
                "unix:/run/app.sock",
                Ok(Upstream::Unix("/run/app.sock".into())),
            ),
            ("unix:app.sock", Err(UpstreamError::Socket)),
            ("127.0.0.1:3000", Err(UpstreamError::Scheme)),
            ("ftp://a", Err(UpstreamError::Scheme)),
            ("http://a/", Err(UpstreamError::Path)),
            ("http://a:1/x", Err(UpstreamError::Path)),
            ("http://", Err(UpstreamError::Authority)),
            ("http://u:p@a", Err(UpstreamError::Authority)),
            ("http://a:0", Err(UpstreamError::Authority)),
            ("http://a:", Err(UpstreamError::Authority)),
            ("http://a:99999", Err(UpstreamError::Authority)),
        ] {
            assert_eq!(text.parse::<Upstream>(), expected, "{text}");
        }
    }
}
