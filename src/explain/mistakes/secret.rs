//! Mistakes with secrets: the one that is configured is not, or not quite, the one that signs.

use super::{Change, Mistake};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::keys::Key;
use crate::explain::supposed::{Concern, Supposed};

pub(super) static BLANKS: Mistake = Mistake {
    finding: Finding::SecretBlanks,
    concern: Concern::Secret,
    undo: |case, supposed| varied(case, supposed, Finding::SecretBlanks),
    fix: fix_variant,
};

pub(super) static QUOTES: Mistake = Mistake {
    finding: Finding::SecretQuotes,
    concern: Concern::Secret,
    undo: |case, supposed| varied(case, supposed, Finding::SecretQuotes),
    fix: fix_variant,
};

pub(super) static OF_OTHER_ROUTE: Mistake = Mistake {
    finding: Finding::SecretOfOtherRoute,
    concern: Concern::Secret,
    undo: |case, supposed| unvaried(case, supposed, |key| key.route != case.route.name),
    fix: |case, _, after| {
        let Some(key) = key(case, after) else {
            return String::new();
        };
        format!(
            "The request is signed with secret `{}` of route `{}`, and came to route `{}`. Put that secret \
             into `secrets` under this route's [route.verify], or give {} the URL of the other route.",
            key.id, key.route, case.route.name, case.provider.known.display_name
        )
    },
};

pub(super) static EXPIRED: Mistake = Mistake {
    finding: Finding::SecretExpired,
    concern: Concern::Secret,
    undo: |case, supposed| {
        unvaried(case, supposed, |key| {
            key.route == case.route.name && key.not_after.is_some_and(|end| end < case.now)
        })
    },
    fix: |case, _, after| {
        let Some(key) = key(case, after) else {
            return String::new();
        };
        format!(
            "The request is signed with secret `{}` of route `{}`, whose `not_after` is over. {} still signs \
             with it: rotate it there, or move its `not_after` (in `secrets` under [route.verify]) until it \
             no longer does.",
            key.id, key.route, case.provider.known.display_name
        )
    },
};

pub(super) static DECODED: Mistake = Mistake {
    finding: Finding::SecretDecoded,
    concern: Concern::Secret,
    undo: |case, supposed| varied(case, supposed, Finding::SecretDecoded),
    fix: fix_variant,
};

fn key<'a>(case: &'a Case<'_>, supposed: &Supposed) -> Option<&'a Key> {
    case.keys.get(supposed.key?)
}

/// What the secrets may have been taken for that would be tried: the route's own, or the one that is supposed.
fn varied(case: &Case<'_>, supposed: &Supposed, finding: Finding) -> Vec<Change> {
    let tried: Vec<&Key> = match supposed.key {
        Some(index) => case.keys.get(index).into_iter().collect(),
        None => case
            .valid_keys()
            .filter_map(|index| case.keys.get(index))
            .collect(),
    };
    let is_of_tried = |key: &Key| {
        let mut tried = tried.iter().filter(|tried| tried.variant.is_none());
        tried.any(|tried| tried.route == key.route && tried.id == key.id)
    };
    let has_finding =
        |key: &Key| matches!(key.variant, Some(variant) if variant.finding == finding);
    let found = case.keys.iter();
    let found = found.filter(|(_, key)| has_finding(key) && is_of_tried(key));
    found.map(|(index, _)| Change::Key(index)).collect()
}

/// The secrets as they are configured that are of this kind. Nothing where one is supposed already: another
/// in its place is no second mistake.
fn unvaried(case: &Case<'_>, supposed: &Supposed, is_meant: impl Fn(&Key) -> bool) -> Vec<Change> {
    if supposed.key.is_some() {
        return Vec::new();
    }
    let found = case.keys.iter();
    let found = found.filter(|(_, key)| key.variant.is_none() && is_meant(key));
    found.map(|(index, _)| Change::Key(index)).collect()
}

fn fix_variant(case: &Case<'_>, _: &Supposed, after: &Supposed) -> String {
    let Some(key) = key(case, after) else {
        return String::new();
    };
    let Some(variant) = key.variant else {
        return String::new();
    };
    format!(
        "The signer's secret has {}; otherwise it is secret `{}` of route `{}`. Correct it where that one comes \
         from (its `file`, `env` or `value` in `secrets` under [route.verify]), or at {}: both must have the \
         same bytes.",
        variant.what, key.id, key.route, case.provider.known.display_name
    )
}

#[cfg(test)]
mod tests;
