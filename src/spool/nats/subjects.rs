//! What the subjects and consumers of a stream are called.
//!
//! A token of a subject holds no dots, blanks or wildcards, and so a route's name is escaped: every byte but
//! `A-Z a-z 0-9 _ -` is `=` and two hexadecimal digits.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::spool::archive::State;

const ESCAPE: char = '=';
const RELEASED: &str = "released";

/// The names for one stream.
pub(super) struct Subjects {
    stream: String,
}

impl Subjects {
    /// Those of the stream that is called so.
    pub(super) fn of(stream: &str) -> Self {
        Self {
            stream: stream.to_owned(),
        }
    }

    /// All subjects, as a stream is configured.
    pub(super) fn of_stream(&self) -> Vec<String> {
        let of = |state: State| format!("{}.{}.*", self.stream, state.as_str());
        vec![of(State::Waiting), of(State::Dead)]
    }

    /// All subjects of events in one state.
    pub(super) fn all(&self, state: State) -> String {
        format!("{}.{}.*", self.stream, state.as_str())
    }

    /// All subjects.
    pub(super) fn any(&self) -> String {
        format!("{}.>", self.stream)
    }

    /// The subject of a route's events in this state.
    pub(super) fn name(&self, state: State, route: &str) -> String {
        format!("{}.{}.{}", self.stream, state.as_str(), escaped(route))
    }

    /// Where processes tell each other that the app of a route takes events again. The stream does not have it.
    pub(super) fn release(&self, route: &str) -> String {
        format!("{}.{RELEASED}.{}", self.stream, escaped(route))
    }

    /// [`Subjects::release`] of all routes.
    pub(super) fn releases(&self) -> String {
        format!("{}.{RELEASED}.*", self.stream)
    }

    /// What [`Subjects::release`] was made of.
    pub(super) fn read_release(&self, subject: &str) -> Option<Arc<str>> {
        let (kind, token) = self.split(subject)?;
        let name = unescaped(token).filter(|_| kind == RELEASED)?;
        Some(name.into())
    }

    /// What [`Subjects::name`] was made of.
    pub(super) fn read(&self, subject: &str) -> Option<(State, Arc<str>)> {
        let (state, token) = self.split(subject)?;
        let state = [State::Waiting, State::Dead]
            .into_iter()
            .find(|known| known.as_str() == state)?;
        Some((state, unescaped(token)?.into()))
    }

    fn split<'s>(&self, subject: &'s str) -> Option<(&'s str, &'s str)> {
        let rest = subject.strip_prefix(self.stream.as_str())?;
        rest.strip_prefix('.')?.split_once('.')
    }
}

/// The name of the consumer of a route.
pub(super) fn consumer(route: &str) -> String {
    format!("hookward-{}", escaped(route))
}

fn escaped(name: &str) -> String {
    let mut token = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            token.push(char::from(byte));
        } else {
            let _ = write!(token, "{ESCAPE}{byte:02X}");
        }
    }
    token
}

fn unescaped(token: &str) -> Option<String> {
    let mut parts = token.split(ESCAPE);
    let mut name = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        name.push(u8::from_str_radix(digits, 16).ok()?);
        name.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(name).ok().filter(|name| {
        // Only what we write ourselves is a name.
        escaped(name) == token
    })
}
