//! Route paths: exact or `/*` prefix, and the table that finds the route of a request.
//!
//! Paths are matched on the raw bytes of the target, never decoded: what is matched is what is
//! signed and forwarded. Looking up costs the same with one route or a thousand.

use std::collections::HashMap;

use crate::target::{Target, TargetError};

/// The path of a route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// This path and no other.
    Exact(String),
    /// Every path that starts with this and `/`; `/x` for `/x/*`, empty for `/*`.
    Prefix(String),
}

/// Why a path cannot be a route's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It does not start with `/`.
    #[error("a path starts with `/`, such as \"/hubspot\"; a host belongs in `public_url`")]
    NotAbsolute,
    /// `*` anywhere but as the last segment.
    #[error("`*` can stand only at the end, as in `/hooks/*`")]
    Wildcard,
    /// `?` or `#`: a path has no query and no fragment.
    #[error("a path has no `?` and no `#`")]
    Query,
    /// Dot segments, or bytes that no path may have.
    #[error("no request that is served can have this path: {0}")]
    Unreachable(TargetError),
}

impl PathPattern {
    /// Reads `/exact` or `/prefix/*`.
    ///
    /// # Errors
    /// What is wrong with the path.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if !text.starts_with('/') {
            return Err(PatternError::NotAbsolute);
        }
        if text.contains(['?', '#']) {
            return Err(PatternError::Query);
        }
        let (path, is_prefix) = match text.strip_suffix("/*") {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        if path.contains('*') {
            return Err(PatternError::Wildcard);
        }
        Target::parse(text.as_bytes())
            .and_then(|target| target.check())
            .map_err(PatternError::Unreachable)?;
        let path = path.to_owned();
        Ok(if is_prefix {
            Self::Prefix(path)
        } else {
            Self::Exact(path)
        })
    }

    /// How many bytes of a matching path the route itself names.
    #[must_use]
    pub fn matched_len(&self) -> usize {
        match self {
            Self::Exact(path) | Self::Prefix(path) => path.len(),
        }
    }
}

/// Finds values by path: exact beats prefix, a longer prefix a shorter one.
#[derive(Clone, Debug)]
pub struct PathTable<T> {
    exact: HashMap<Vec<u8>, T>,
    prefix: HashMap<Vec<u8>, T>,
}

impl<T> PathTable<T> {
    /// A table of these patterns. Of two equal ones the later stays.
    pub fn new(entries: impl IntoIterator<Item = (PathPattern, T)>) -> Self {
        let mut table = Self {
            exact: HashMap::new(),
            prefix: HashMap::new(),
        };
        for (pattern, value) in entries {
            match pattern {
                PathPattern::Exact(path) => table.exact.insert(path.into_bytes(), value),
                PathPattern::Prefix(path) => table.prefix.insert(path.into_bytes(), value),
            };
        }
        table
    }

    /// The value for this path.
    #[must_use]
    pub fn find(&self, path: &[u8]) -> Option<&T> {
        if let Some(value) = self.exact.get(path) {
            return Some(value);
        }
        if self.prefix.is_empty() {
            return None;
        }
        let mut end = path.len();
        loop {
            let head = path.get(..end)?;
            end = head.iter().rposition(|byte| *byte == b'/')?;
            if let Some(value) = self.prefix.get(path.get(..end)?) {
                return Some(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(patterns: &[&'static str]) -> PathTable<&'static str> {
        PathTable::new(
            patterns
                .iter()
                .map(|pattern| (PathPattern::parse(pattern).unwrap(), *pattern)),
        )
    }

    #[test]
    fn exact_beats_prefix_and_longer_beats_shorter() {
        let table = table(&["/a", "/a/*", "/a/b/*", "/a/b/c"]);
        for (path, expected) in [
            ("/a", Some("/a")),
            ("/a/", Some("/a/*")),
            ("/a/x", Some("/a/*")),
            ("/a/b", Some("/a/*")),
            ("/a/b/", Some("/a/b/*")),
            ("/a/b/c", Some("/a/b/c")),
            ("/a/b/c/d", Some("/a/b/*")),
            ("/ab", None),
            ("/", None),
            ("/A", None),
            ("/%61", None),
        ] {
            assert_eq!(table.find(path.as_bytes()).copied(), expected, "{path}");
        }
    }

    #[test]
    fn a_prefix_does_not_match_its_own_name() {
        assert_eq!(table(&["/x/*"]).find(b"/x"), None);
        assert_eq!(table(&["/*"]).find(b"/x/y"), Some(&"/*"));
        assert_eq!(table(&["/*"]).find(b"/"), Some(&"/*"));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        assert_eq!(PathPattern::parse("x"), Err(PatternError::NotAbsolute));
        assert_eq!(PathPattern::parse(""), Err(PatternError::NotAbsolute));
        assert_eq!(PathPattern::parse("/a*"), Err(PatternError::Wildcard));
        assert_eq!(PathPattern::parse("/*/a"), Err(PatternError::Wildcard));
        assert_eq!(PathPattern::parse("/a?b"), Err(PatternError::Query));
        for unreachable in ["/a/../b", "/a b", "/é", "/a/./*"] {
            let error = PathPattern::parse(unreachable).unwrap_err();
            assert!(
                matches!(error, PatternError::Unreachable(_)),
                "{unreachable}"
            );
        }
    }
}
