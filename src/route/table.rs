//! Finds the route of a request by its path.
//!
//! A path comes from a stranger, so what looking it up costs may not depend on what is in it. The
//! prefixes are kept in order. Of those that a path begins with, the longest is the last one that is
//! not behind the path, or what that one begins with in turn; a binary search finds the former, links
//! lead to the latter. No path is compared further than the longest prefix is long.

use std::collections::HashMap;

use super::pattern::PathPattern;

/// Finds values by path: exact beats prefix, a longer prefix a shorter one.
#[derive(Clone, Debug)]
pub struct PathTable<T> {
    exact: HashMap<Vec<u8>, T>,
    /// In the order of their texts, which are distinct.
    prefixes: Vec<Prefix<T>>,
}

#[derive(Clone, Debug)]
struct Prefix<T> {
    /// What a path begins with: `/x/` for the pattern `/x/*`.
    text: Vec<u8>,
    value: T,
    /// The longest other prefix that this one begins with, by its index.
    parent: Option<usize>,
}

impl<T> PathTable<T> {
    /// A table of these patterns. Of two equal ones the later stays.
    pub fn new(entries: impl IntoIterator<Item = (PathPattern, T)>) -> Self {
        let mut exact = HashMap::new();
        let mut prefixes = HashMap::new();
        for (pattern, value) in entries {
            match pattern {
                PathPattern::Exact(path) => exact.insert(path.into_bytes(), value),
                PathPattern::Prefix(path) => {
                    prefixes.insert(format!("{path}/").into_bytes(), value)
                }
            };
        }
        Self {
            exact,
            prefixes: linked(prefixes),
        }
    }

    /// The value for this path.
    #[must_use]
    pub fn find(&self, path: &[u8]) -> Option<&T> {
        self.exact.get(path).or_else(|| self.find_prefix(path))
    }

    fn find_prefix(&self, path: &[u8]) -> Option<&T> {
        let behind = self
            .prefixes
            .partition_point(|prefix| prefix.text.as_slice() <= path);
        let mut prefix = self.prefixes.get(behind.checked_sub(1)?)?;
        let pairs = prefix.text.iter().zip(path);
        let shared = pairs.take_while(|(ours, theirs)| ours == theirs).count();
        // A parent is a beginning of its child, so its length tells whether the path begins with it.
        while prefix.text.len() > shared {
            prefix = self.prefixes.get(prefix.parent?)?;
        }
        Some(&prefix.value)
    }
}

/// Puts prefixes in order and gives each its parent.
fn linked<T>(prefixes: HashMap<Vec<u8>, T>) -> Vec<Prefix<T>> {
    let mut sorted: Vec<(Vec<u8>, T)> = prefixes.into_iter().collect();
    sorted.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    let mut linked: Vec<Prefix<T>> = Vec::with_capacity(sorted.len());
    // Those that the one at hand begins with, each the parent of the next.
    let mut ancestors: Vec<usize> = Vec::new();
    for (index, (text, value)) in sorted.into_iter().enumerate() {
        while let Some(ancestor) = ancestors.last().and_then(|last| linked.get(*last)) {
            if text.starts_with(&ancestor.text) {
                break;
            }
            ancestors.pop();
        }
        linked.push(Prefix {
            text,
            value,
            parent: ancestors.last().copied(),
        });
        ancestors.push(index);
    }
    linked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
            ("/a/~", Some("/a/*")),
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

    proptest! {
        #[test]
        fn it_finds_what_trying_every_prefix_finds(
            prefixes in proptest::collection::vec("(/[ab]{0,2}){0,4}", 0..12),
            path in "(/[ab]{0,2}){1,6}",
        ) {
            let longest = prefixes
                .iter()
                .filter(|prefix| path.starts_with(&format!("{prefix}/")))
                .max_by_key(|prefix| prefix.len());
            let entries = prefixes.iter().map(|prefix| (PathPattern::Prefix(prefix.clone()), prefix));
            let table = PathTable::new(entries);
            prop_assert_eq!(table.find(path.as_bytes()).copied(), longest);
        }
    }

    /// Trying a prefix at each slash would take hours for such paths.
    #[test]
    fn a_path_of_slashes_costs_what_one_of_letters_does() {
        let nested = (0..1_000).map(|depth| "/".repeat(depth));
        let apart = (0..1_000).map(|number| format!("/x{number}/y"));
        let paths: Vec<String> = nested.chain(apart).collect();
        let entries = paths
            .iter()
            .map(|path| (PathPattern::Prefix(path.clone()), path));
        let table = PathTable::new(entries);
        let slashes = vec![b'/'; 16 << 20];
        assert_eq!(table.find(&slashes).copied(), paths.get(999));
        let elsewhere = [b"/y", &*slashes].concat();
        assert_eq!(table.find(&elsewhere).copied(), paths.first());
    }
}
