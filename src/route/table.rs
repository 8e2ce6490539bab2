//! Finds the route of a request by its path. Looking up costs the same with one route or a thousand.

use std::collections::HashMap;

use super::pattern::PathPattern;

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
}
