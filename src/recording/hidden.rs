//! What must not be kept of a request: keys, where they belong and wherever else they stand.
//!
//! A sender may put its key into the wrong place, or into the right place of another route, and a proxy in front may
//! copy it, with the URL, into a header of its own. So what is found once is taken out everywhere.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashSet;

use http::HeaderName;
use memchr::memmem;

use super::copied::Copied;
use crate::config::{Config, VerifyConfig};
use crate::http1::names::is_like;
use crate::verify::{ApiKeyLocation, KnownKeys, decode_query, mask_query, query_pairs};

/// What stands for a key.
const MASK: &[u8] = b"***";
/// A shorter key is not looked for in other places: it could be a part of anything.
const MIN_KEY_BYTES: usize = 8;
/// How many texts are looked for in other places: each is looked for in all of the head.
const MAX_TEXTS: usize = 16;

/// What a configuration says of keys.
#[derive(Default)]
pub(crate) struct Hidden {
    /// Headers whose whole values are keys, and those that an app could take for them.
    headers: HashSet<HeaderName>,
    /// Query parameters whose values are keys, in small letters.
    parameters: HashSet<Vec<u8>>,
    /// Keys and secrets, wherever they stand.
    known: KnownKeys,
}

impl Hidden {
    /// Those of all its routes. Leaves copies of secrets on the stack, which the caller has to wipe: see
    /// [`crate::wipe`].
    pub(crate) fn of(config: &Config) -> Self {
        let mut hidden = Self::default();
        for route in &config.routes {
            if let VerifyConfig::ApiKey { location, .. } = &route.verify {
                match location {
                    ApiKeyLocation::Header(name) => {
                        hidden.headers.insert(name.clone());
                    }
                    ApiKeyLocation::Query(name) => {
                        let name = name.to_ascii_lowercase();
                        hidden.parameters.insert(name.into_bytes());
                    }
                }
            }
        }
        let routes = config.routes.iter();
        hidden.known = KnownKeys::of(routes.flat_map(|route| route.verify.secrets()));
        hidden
    }

    fn is_header(&self, name: &[u8]) -> bool {
        let mut headers = self.headers.iter();
        headers.any(|header| is_like(name, header.as_str()))
    }

    /// Whether a text is a key: the whole of it, or what follows a word such as `Bearer`.
    fn is_known(&self, text: &[u8]) -> bool {
        let last = text.rsplit(u8::is_ascii_whitespace).next();
        self.known.has(text) || last.is_some_and(|last| self.known.has(last))
    }

    /// Whether a text is a key once its escapes are read.
    fn is_known_escaped(&self, text: &[u8]) -> bool {
        self.is_known(text) || self.is_known(decode_query(text).as_ref())
    }
}

/// Hides what must not be kept of one request.
pub(super) struct Masking<'a> {
    hidden: &'a Hidden,
    /// Parameters are hidden by their names, too.
    by_name: bool,
    /// What is hidden wherever it stands, the longest first.
    texts: Vec<Vec<u8>>,
}

impl<'a> Masking<'a> {
    /// For this request. Where its URL is signed (`is_url_signed`), parameters are kept that are none of the known
    /// keys: without them nobody could tell what was signed.
    pub(super) fn new(head: &Copied, hidden: &'a Hidden, is_url_signed: bool) -> Self {
        let mut masking = Self {
            hidden,
            by_name: !is_url_signed,
            texts: Vec::new(),
        };
        let values = || head.fields().map(|field| field.value);
        let all = || std::iter::once(head.target()).chain(values());
        // Known ones first: there may be more of what only looks like keys than is looked for.
        for text in all() {
            masking.add_known(text);
        }
        for field in head.fields().filter(|field| hidden.is_header(field.name)) {
            masking.add(field.value);
        }
        for text in all() {
            masking.add_parameters(text);
        }
        masking.texts.sort_by_key(|text| Reverse(text.len()));
        masking
    }

    pub(super) fn target<'t>(&self, target: &'t [u8]) -> Cow<'t, [u8]> {
        self.without(self.without_parameters(target))
    }

    pub(super) fn value<'t>(&self, name: &[u8], value: &'t [u8]) -> Cow<'t, [u8]> {
        if self.hidden.is_header(name) || self.hidden.is_known(value) {
            return MASK.into();
        }
        self.target(value)
    }

    fn add(&mut self, text: &[u8]) {
        let is_new = !self.texts.iter().any(|known| known == text);
        if self.texts.len() < MAX_TEXTS && text.len() >= MIN_KEY_BYTES && is_new {
            self.texts.push(text.to_vec());
        }
    }

    /// As it is written, and as it reads.
    fn add_escaped(&mut self, text: &[u8]) {
        self.add(text);
        self.add(decode_query(text).as_ref());
    }

    /// Adds the keys in a text that are known, by what usually stands around one.
    fn add_known(&mut self, text: &[u8]) {
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"/?&=;,:\"'<>()".contains(byte);
        let words = text.split(is_end);
        let last = text.rsplit(u8::is_ascii_whitespace).next();
        // A key may have some of these characters itself.
        let pairs = split_query(text).into_iter();
        let values = pairs.flat_map(|(_, query)| query_pairs(query).map(|(_, value)| value));
        for text in words.chain(last).chain(values) {
            if self.hidden.known.has(text) || self.hidden.known.has(decode_query(text).as_ref()) {
                self.add_escaped(text);
            }
        }
    }

    /// Adds the values of parameters that are hidden.
    fn add_parameters(&mut self, text: &[u8]) {
        let Some((_, query)) = split_query(text) else {
            return;
        };
        for (name, value) in query_pairs(query) {
            if self.is_parameter(decode_query(name).as_ref()) {
                self.add_escaped(value);
            }
        }
    }

    fn is_parameter(&self, name: &[u8]) -> bool {
        self.by_name && {
            let parameters = &self.hidden.parameters;
            !parameters.is_empty() && parameters.contains(&name.to_ascii_lowercase())
        }
    }

    /// A URL, or a text with one, without the values of hidden parameters.
    fn without_parameters<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let Some((before, query)) = split_query(text) else {
            return text.into();
        };
        let hides = |name: &[u8], value: &[u8]| {
            self.is_parameter(name) || self.hidden.is_known_escaped(value)
        };
        [before, b"?", &mask_query(query, hides)].concat().into()
    }

    /// A text in which none of the hidden ones stands any more.
    fn without<'t>(&self, mut text: Cow<'t, [u8]>) -> Cow<'t, [u8]> {
        for hidden in &self.texts {
            if memmem::find(&text, hidden).is_none() {
                continue;
            }
            let mut rest: &[u8] = &text;
            let mut kept = Vec::with_capacity(text.len());
            while let Some(at) = memmem::find(rest, hidden) {
                let (before, found) = rest.split_at_checked(at).unwrap_or_default();
                kept.extend_from_slice(before);
                kept.extend_from_slice(MASK);
                rest = found.get(hidden.len()..).unwrap_or_default();
            }
            kept.extend_from_slice(rest);
            text = kept.into();
        }
        text
    }
}

fn split_query(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'?', text)?;
    let (before, query) = text.split_at_checked(at)?;
    Some((before, query.get(1..)?))
}
