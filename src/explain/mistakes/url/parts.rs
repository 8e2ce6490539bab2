//! A URL in its parts, and those that may have been signed in its place.
//!
//! Parts are bytes as they are: what is looked for is one exact spelling, so nothing may be tidied up.

use bytes::Bytes;

use crate::explain::supposed::{Change, Supposed};

/// A URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::explain::mistakes) struct Parts<'a> {
    pub(in crate::explain::mistakes) scheme: &'a [u8],
    pub(in crate::explain::mistakes) host: &'a [u8],
    /// Without its colon.
    pub(in crate::explain::mistakes) port: Option<&'a [u8]>,
    /// Empty, or it begins with `/`.
    pub(in crate::explain::mistakes) path: &'a [u8],
    /// Without its `?`.
    pub(in crate::explain::mistakes) query: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    /// Those of a whole URL; `None` where no scheme and host can be told.
    pub(in crate::explain::mistakes) fn of(url: &'a [u8]) -> Option<Self> {
        let (scheme, rest) = split_at_text(url, b"://")?;
        let is_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        if scheme.is_empty() || !scheme.iter().all(is_scheme) {
            return None;
        }
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
        let (authority, target) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        let (host, port) = split_port(authority);
        let (path, query) = split_query(target);
        Some(Self {
            scheme,
            host,
            port,
            path,
            query,
        })
    }

    /// Those of the URL of a message, where its scheme signs one.
    pub(in crate::explain::mistakes) fn signed(supposed: &'a Supposed) -> Option<Self> {
        let is_signed = supposed.scheme.signs_uri();
        is_signed.then(|| Self::of(&supposed.url)).flatten()
    }

    /// The whole URL.
    pub(in crate::explain::mistakes) fn join(&self) -> Vec<u8> {
        let mut url = self.origin();
        url.extend_from_slice(&self.target());
        url
    }

    /// Scheme, host and port.
    pub(in crate::explain::mistakes) fn origin(&self) -> Vec<u8> {
        let mut origin = [self.scheme, b"://", self.host].concat();
        if let Some(port) = self.port {
            origin.push(b':');
            origin.extend_from_slice(port);
        }
        origin
    }

    /// Path and query.
    pub(in crate::explain::mistakes) fn target(&self) -> Vec<u8> {
        match self.query {
            Some(query) => [self.path, b"?", query].concat(),
            None => self.path.to_vec(),
        }
    }
}

/// A host and what follows its colon. An IPv6 address is in brackets and has colons of its own.
pub(in crate::explain::mistakes) fn split_port(authority: &[u8]) -> (&[u8], Option<&[u8]>) {
    let colon = authority.iter().rposition(|byte| *byte == b':');
    let halves = colon.and_then(|colon| {
        let (host, port) = authority.split_at_checked(colon)?;
        Some((host, port.strip_prefix(b":")?))
    });
    match halves {
        Some((host, port)) if port.iter().all(u8::is_ascii_digit) => (host, Some(port)),
        _ => (authority, None),
    }
}

/// A path and what follows its `?`.
pub(in crate::explain::mistakes) fn split_query(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut halves = target.splitn(2, |byte| *byte == b'?');
    (halves.next().unwrap_or_default(), halves.next())
}

/// What is before and after a text.
fn split_at_text<'a>(whole: &'a [u8], text: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = whole
        .windows(text.len())
        .position(|window| window == text)?;
    let (before, after) = whole.split_at_checked(at)?;
    Some((before, after.strip_prefix(text)?))
}

/// URLs that may have been signed: each once, and not the one that the message has.
pub(in crate::explain::mistakes) struct Candidates<'a> {
    supposed: &'a Supposed,
    urls: Vec<Bytes>,
}

impl<'a> Candidates<'a> {
    pub(in crate::explain::mistakes) fn new(supposed: &'a Supposed) -> Self {
        Self {
            supposed,
            urls: Vec::new(),
        }
    }

    pub(in crate::explain::mistakes) fn push(&mut self, parts: Parts<'_>) {
        self.push_text(parts.join());
    }

    /// Takes a text that was signed for a URL, even where it is none.
    pub(in crate::explain::mistakes) fn push_text(&mut self, url: Vec<u8>) {
        if url != self.supposed.url && !self.urls.iter().any(|other| *other == url) {
            self.urls.push(url.into());
        }
    }

    pub(in crate::explain::mistakes) fn changes(self) -> Vec<Change> {
        self.urls.into_iter().map(Change::Url).collect()
    }
}
