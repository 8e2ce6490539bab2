//! Route paths: exact, or a prefix that ends in `/*`.
//!
//! Paths are matched on the raw bytes of the target, never decoded: what is matched is what is
//! signed and forwarded.

use crate::http1::target::{Target, TargetError};

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
    /// The path, or what all paths of a prefix begin with.
    #[must_use]
    pub fn beginning(&self) -> String {
        match self {
            Self::Exact(path) => path.clone(),
            Self::Prefix(path) => format!("{path}/"),
        }
    }

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

impl std::fmt::Display for PathPattern {
    /// As it is written in a configuration.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(path) => f.write_str(path),
            Self::Prefix(path) => write!(f, "{path}/*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
