//! Mismatches examined at the moment they happen, by the code of `hookward explain`.
//!
//! Nothing of it is on a request's way: what is examined is a copy, made of a few mismatches a minute, and one
//! thread of the lowest priority works through them, with rests. What there is no room for is not examined.

mod limit;
mod worker;

use std::collections::HashMap;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

use crate::active::Route;
use crate::capture::Capture;
use crate::config::{Config, VerifyConfig};
use crate::explain::{Keys, RouteFacts};
use crate::http1::head::Head;
use crate::reason::Reason;
use crate::verify::{Body, Provider, Scheme, Timestamp};
use limit::PerMinute;

/// The largest body that is examined, in bytes.
pub(crate) const MAX_BODY_BYTES: u64 = 1 << 20;
/// How many mismatches wait to be examined, at most.
const WAITING: usize = 4;

/// Examines mismatches of the routes that say `diagnose = true`.
pub(crate) struct Diagnosis {
    known: ArcSwap<Known>,
    /// Made for the first mismatch; the worker ends when this is dropped.
    worker: OnceLock<SyncSender<Job>>,
}

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
    limit: PerMinute,
}

/// A mismatch to be examined.
struct Job {
    known: Arc<Known>,
    route: Arc<Route>,
    capture: Capture,
    label: &'static str,
    url: Option<Vec<u8>>,
    now: Timestamp,
    request_id: String,
}

/// A request whose signature does not match.
pub(crate) struct Mismatch<'a> {
    pub(crate) route: &'a Arc<Route>,
    pub(crate) head: &'a Head<'a>,
    pub(crate) body: &'a Body,
    /// The scheme's label.
    pub(crate) label: &'static str,
    /// The URL that was called, as far as it is known.
    pub(crate) url: Option<Vec<u8>>,
    pub(crate) now: Timestamp,
    pub(crate) request_id: &'a str,
}

impl Diagnosis {
    /// For the routes of a configuration whose secrets were read. Leaves copies of secrets on the stack, which
    /// the caller has to wipe: see [`crate::wipe`].
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            known: ArcSwap::from_pointee(Known::of(config)),
            worker: OnceLock::new(),
        }
    }

    /// Goes on with another configuration. Leaves copies of secrets on the stack, too.
    pub(crate) fn renew(&self, config: &Config) {
        self.known.store(Arc::new(Known::of(config)));
    }

    /// Whether mismatches of this route are examined now. Counts it as one of those that may be.
    pub(crate) fn takes(&self, route: &Route, reason: Reason, body_bytes: u64) -> bool {
        let is_examined = reason == Reason::SignatureMismatch && body_bytes <= MAX_BODY_BYTES;
        is_examined && {
            let known = self.known.load();
            let route = known.routes.get(&route.name);
            route.is_some_and(|route| route.limit.allows())
        }
    }

    /// Has a mismatch examined, if there is room.
    pub(crate) fn offer(&self, mismatch: Mismatch<'_>) {
        let worker = self.worker.get_or_init(|| worker::start(WAITING));
        let head = mismatch.head;
        let fields = head.fields().iter();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let capture = Capture {
            method: head.method.to_owned(),
            target: head.target.to_vec(),
            fields: fields
                .map(|field| (text(field.name), field.value.to_vec()))
                .collect(),
            body: mismatch.body.slices().flatten().copied().collect(),
            ..Capture::default()
        };
        let job = Job {
            known: self.known.load_full(),
            route: Arc::clone(mismatch.route),
            capture,
            label: mismatch.label,
            url: mismatch.url,
            now: mismatch.now,
            request_id: mismatch.request_id.to_owned(),
        };
        match worker.try_send(job) {
            // There will be others.
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}

impl Known {
    fn of(config: &Config) -> Self {
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
                limit: PerMinute::default(),
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
