//! Mismatches examined at the moment they happen, by the code of `hookward explain`.
//!
//! Nothing of it is on a request's way: a few mismatches a minute are handed over, whose bodies are shared and not
//! copied, and one thread of the lowest priority works through them, with rests. What there is no room for is not
//! examined.

mod limit;
mod queue;
mod worker;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;

use crate::active::Route;
use crate::capture::Capture;
use crate::config::{Config, VerifyConfig};
use crate::explain::{self, Keys, RouteFacts};
use crate::http1::head::Head;
use crate::observe::recent::{Recent, RefusalId};
use crate::reason::Reason;
use crate::verify::{Provider, Scheme, Timestamp};
use limit::PerMinute;
use queue::{Place, Queue, WAITING};

/// The largest body that is examined, in bytes.
const MAX_BODY_BYTES: u64 = 1 << 20;
/// How much memory all of it takes at most: what waits, what is examined, and what that may have been, in bytes.
pub(crate) const MAX_HELD_BYTES: u64 = (explain::MAX_HELD_BYTES as u64)
    .saturating_add(MAX_BODY_BYTES.saturating_mul(WAITING as u64 + 1));

/// Examines mismatches of the routes that say `diagnose = true`.
pub(crate) struct Diagnosis {
    known: ArcSwap<Known>,
    queue: Arc<Queue>,
}

/// Keeps mismatches being examined, until it is dropped.
pub(crate) struct Diagnosing(Arc<Queue>);

/// What a configuration says of the routes that are examined.
#[derive(Default)]
struct Known {
    keys: Arc<Keys>,
    routes: HashMap<Arc<str>, KnownRoute>,
}

struct KnownRoute {
    provider: &'static Provider,
    accepted: Vec<&'static Scheme>,
    facts: RouteFacts,
    other_urls: Vec<String>,
    limit: Arc<PerMinute>,
}

/// A mismatch to be examined.
struct Job {
    known: Arc<Known>,
    route: Arc<Route>,
    /// The request, less its body.
    capture: Capture,
    body: Vec<Bytes>,
    label: &'static str,
    url: Option<Vec<u8>>,
    now: Timestamp,
    request_id: String,
    refusal: Option<RefusalId>,
}

/// Leave to have one mismatch examined.
pub(crate) struct Leave<'a> {
    place: Place<'a>,
    known: Arc<Known>,
}

/// A request whose signature does not match.
pub(crate) struct Mismatch<'a> {
    pub(crate) route: &'a Arc<Route>,
    pub(crate) head: &'a Head<'a>,
    pub(crate) body: Vec<Bytes>,
    /// The scheme's label.
    pub(crate) label: &'static str,
    /// The URL that was called, as far as it is known.
    pub(crate) url: Option<Vec<u8>>,
    pub(crate) now: Timestamp,
    pub(crate) request_id: &'a str,
    /// By which it is kept, as one of the recent refusals.
    pub(crate) refusal: Option<RefusalId>,
}

/// Starts the thread that examines mismatches of the routes of a configuration whose secrets were read. What it finds
/// out about one of the `recent` refusals is told there, too. Leaves copies of secrets on the stack, which the caller has
/// to wipe: see [`crate::wipe`].
///
/// # Errors
/// The system has no thread to give.
pub(crate) fn start(config: &Config, recent: Arc<Recent>) -> io::Result<(Diagnosis, Diagnosing)> {
    let queue = Arc::new(Queue::default());
    worker::start(Arc::clone(&queue), recent)?;
    let diagnosis = Diagnosis {
        known: ArcSwap::from_pointee(Known::of(config, &Known::default())),
        queue: Arc::clone(&queue),
    };
    Ok((diagnosis, Diagnosing(queue)))
}

impl Diagnosis {
    /// Goes on with another configuration. Leaves copies of secrets on the stack, too.
    pub(crate) fn renew(&self, config: &Config) {
        let known = Known::of(config, &self.known.load());
        self.known.store(Arc::new(known));
    }

    /// Leave to have a request that was refused for `reason` examined, if its route says so and there is room. It
    /// is one of those that may be in a minute only if all of that is so.
    pub(crate) fn leave(
        &self,
        route: &Route,
        reason: Reason,
        body_bytes: u64,
    ) -> Option<Leave<'_>> {
        if reason != Reason::SignatureMismatch || body_bytes > MAX_BODY_BYTES {
            return None;
        }
        let known = self.known.load();
        let limit = &known.routes.get(&route.name)?.limit;
        let now = Instant::now();
        // Asked first: a route that has had its share takes no place from another, not even for a moment.
        if !limit.is_open(now) {
            return None;
        }
        let place = self.queue.take_place()?;
        limit.allows(now).then(|| Leave {
            place,
            known: Arc::clone(&known),
        })
    }
}

impl Leave<'_> {
    /// Has the mismatch examined.
    pub(crate) fn examine(self, mismatch: Mismatch<'_>) {
        let head = mismatch.head;
        let fields = head.fields().iter();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let capture = Capture {
            method: head.method.to_owned(),
            target: head.target.to_vec(),
            fields: fields
                .map(|field| (text(field.name), field.value.to_vec()))
                .collect(),
            ..Capture::default()
        };
        self.place.fill(Job {
            known: self.known,
            route: Arc::clone(mismatch.route),
            capture,
            body: mismatch.body,
            label: mismatch.label,
            url: mismatch.url,
            now: mismatch.now,
            request_id: mismatch.request_id.to_owned(),
            refusal: mismatch.refusal,
        });
    }
}

impl Drop for Diagnosing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Known {
    /// What `config` says. Routes that are examined by `previous` too have no new minute by it.
    fn of(config: &Config, previous: &Self) -> Self {
        let examined = config.routes.iter().filter(|route| route.diagnose);
        let mut routes = HashMap::new();
        for route in examined {
            let VerifyConfig::Signature { provider, .. } = &route.verify else {
                continue;
            };
            let known = KnownRoute {
                provider,
                accepted: route.verify.schemes().collect(),
                facts: RouteFacts::of(route, config),
                other_urls: RouteFacts::other_urls(route, config),
                limit: previous
                    .routes
                    .get(&route.name)
                    .map_or_else(Arc::default, |known| Arc::clone(&known.limit)),
            };
            routes.insert(Arc::clone(&route.name), known);
        }
        let keys = if routes.is_empty() {
            Keys::default()
        } else {
            Keys::of(config)
        };
        Self {
            keys: Arc::new(keys),
            routes,
        }
    }
}
