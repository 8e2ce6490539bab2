//! Requests that no route has. A wrong path is the commonest first mistake; where others verify, it is mostly strangers
//! who try what there is.

use std::collections::BTreeMap;

use super::super::super::snapshot::{Refusal, Snapshot};
use super::super::sections;
use super::super::sums::{self, Sum};
use super::super::words::count;
use super::{Found, LATELY, MANY_REFUSED};

/// So many are more than somebody's mistyped test.
const SOME: u64 = 3;
const MINUTE: f64 = 60.0;

pub(super) fn look(snapshot: &Snapshot, found: &mut Found) {
    let of = |minutes| Sum::of(sums::last(minutes, LATELY));
    let refused = of(&snapshot.unrouted_last_hour).rejected;
    if refused == 0 {
        return;
    }
    let routes = snapshot.routes.iter();
    let lately = routes.map(|route| of(&route.last_hour));
    let lately = lately.fold(Sum::default(), Sum::and);
    let commonest = commonest(snapshot);
    let is_new = sums::of_process(snapshot).let_through() == 0;
    let is_trouble = if lately.let_through() > 0 {
        false
    } else if is_new {
        refused >= SOME
    } else {
        // It worked before, and is quiet: those who scan do not send webhooks.
        commonest.as_ref().is_some_and(|one| one.posts >= SOME)
    };
    if !is_trouble && !is_new && refused < MANY_REFUSED {
        return;
    }
    let (what, reason) = match &commonest {
        Some(one) => (one.in_words(), Some(one.reason)),
        None => (String::new(), None),
    };
    let what = match refused {
        1 => format!("1 request had no route in the last {LATELY} minutes{what}"),
        many => format!(
            "{} requests had no route in the last {LATELY} minutes{what}",
            count(many)
        ),
    };
    if is_trouble {
        found.trouble("no route", what, advice(reason), sections::REFUSED);
    } else {
        found.notice("no route", what, advice(reason), sections::REFUSED);
    }
}

/// Refusals with the same reason and path.
struct Alike<'a> {
    reason: &'static str,
    method: Option<&'a str>,
    path: Option<&'a str>,
    number: u64,
    posts: u64,
}

impl Alike<'_> {
    fn in_words(&self) -> String {
        let Self { reason, .. } = self;
        match (self.method, self.path) {
            (Some(method), Some(path)) => format!(", mostly {reason}: {method} {path}"),
            (None, Some(path)) => format!(", mostly {reason}: {path}"),
            _ => format!(", mostly {reason}"),
        }
    }
}

/// The commonest of those that are kept; of webhooks, if there are any.
fn commonest(snapshot: &Snapshot) -> Option<Alike<'_>> {
    let is_lately = |refusal: &&Refusal| {
        let age = snapshot.at.0.seconds_since(refusal.at.0);
        refusal.route == "none" && age < LATELY as f64 * MINUTE
    };
    let mut groups = BTreeMap::new();
    for refusal in snapshot.recent_refusals.iter().filter(is_lately) {
        let key = (refusal.reason, refusal.path.as_deref());
        let alike = groups.entry(key).or_insert(Alike {
            reason: refusal.reason,
            method: refusal.method.as_deref(),
            path: refusal.path.as_deref(),
            number: 0,
            posts: 0,
        });
        alike.number = alike.number.saturating_add(1);
        if refusal.method.as_deref() == Some("POST") {
            alike.method = Some("POST");
            alike.posts = alike.posts.saturating_add(1);
        }
    }
    groups
        .into_values()
        .max_by_key(|alike| (alike.posts, alike.number))
}

fn advice(reason: Option<&str>) -> &'static str {
    match reason {
        Some("no_route") => {
            "Compare this path with those of the routes below, byte by byte, and correct the URL at \
             the sender or the route's path. Strangers who try URLs look the same."
        }
        Some("bad_target") => {
            "The URL has a part that it must not have, or a host that is not in public_hosts: the \
             last refusals below say which."
        }
        Some("bad_request") => {
            "They cannot be read as HTTP: the last refusals below say why. A sender that calls \
             https:// on a port that speaks http:// looks so."
        }
        Some("overloaded") => "More comes than there is room for: see the limits below.",
        _ => "The last refusals below say what was wrong with each.",
    }
}
