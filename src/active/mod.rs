//! The configuration as requests see it: routes with their verifiers, and the limits.
//!
//! An `ActiveConfig` never changes. A request holds the one that it began with, so that it is judged wholly
//! by one configuration.

mod tls;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

use tls::TlsServer;

use crate::config::{
    Config, OnReplay, PublicBase, Record, RetryAfter, RouteConfig, ServerConfig, SpoolMode,
    VerifyConfig,
};
use crate::handoff;
use crate::observe::limits::LogLimits;
use crate::observe::metrics::{Metrics, RouteMetrics};
use crate::providers::Providers;
use crate::recording::Hidden;
use crate::route::pattern::PathPattern;
use crate::route::table::PathTable;
use crate::upstream::address::UpstreamAddress;
use crate::verify::provider::{AnswerRules, Provider};
use crate::verify::{ApiKeyLocation, ApiKeySettings, Freshness, SignatureSettings, Verifier};

/// Everything that the configuration says about requests.
pub(crate) struct ActiveConfig {
    pub(crate) server: ServerConfig,
    /// TLS with senders.
    pub(crate) tls: Option<TlsServer>,
    pub(crate) routes: PathTable<Arc<Route>>,
    pub(crate) all_routes: Vec<Arc<Route>>,
    providers: Providers,
    /// Headers in which some route expects an API key.
    pub(crate) key_headers: HashSet<HeaderName>,
    /// What must not be kept of requests.
    pub(crate) hidden: Arc<Hidden>,
    /// Limits for the log lines of requests that have no route.
    pub(crate) unrouted: LogLimits,
    /// Names by which the status page may be asked for.
    pub(crate) admin_hosts: Vec<String>,
}

/// A route, ready for requests.
pub(crate) struct Route {
    pub(crate) name: Arc<str>,
    pub(crate) path: PathPattern,
    /// Whether what does not verify is refused.
    pub(crate) enforce: bool,
    /// How old or early a signed time may be; `None` where none is signed.
    pub(crate) freshness: Option<Freshness>,
    pub(crate) methods: Vec<Method>,
    /// The value of `Allow`.
    pub(crate) allow: HeaderValue,
    pub(crate) max_body_bytes: u64,
    pub(crate) verifier: Verifier,
    pub(crate) public_url: Option<PublicBase>,
    /// How many bytes of a target's path the route's own path takes.
    pub(crate) matched_len: usize,
    /// The headers that verification reads.
    pub(crate) verified_headers: Vec<String>,
    /// The key to take out before forwarding.
    pub(crate) strip: Option<ApiKeyLocation>,
    /// The query parameter that is the key.
    pub(crate) key_parameter: Option<String>,
    /// Whether each of its requests has a line in the log.
    pub(crate) access_log: bool,
    /// Whether its refused requests are kept.
    pub(crate) records_refused: bool,
    /// What becomes of its requests that came before; `None` where they may come again.
    pub(crate) replay: Option<ReplayRule>,
    /// What becomes of requests that the app does not take.
    pub(crate) spool: SpoolRule,
    /// Who sends, where that is known.
    pub(crate) sender: Option<&'static Provider>,
    pub(crate) upstream: Arc<UpstreamAddress>,
    /// How long the app's whole answer may take.
    pub(crate) upstream_timeout: Duration,
    pub(crate) upstream_connect_timeout: Duration,
    pub(crate) upstream_idle_timeout: Duration,
    pub(crate) retry_after: RetryAfter,
    pub(crate) metrics: RouteMetrics,
    pub(crate) log_limits: LogLimits,
}

/// What becomes of requests with a signed time that came before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplayRule {
    /// How long a signed time is accepted.
    pub(crate) max_age: Duration,
    pub(crate) on_replay: OnReplay,
}

/// What becomes of verified requests that the app does not take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpoolRule {
    mode: SpoolMode,
    /// How old an event may become until it is a dead letter.
    pub(crate) max_age: Duration,
    /// One after the other, as they came.
    pub(crate) in_order: bool,
}

impl SpoolRule {
    /// Whether requests are stored at all.
    pub(crate) fn is_on(&self) -> bool {
        self.mode != SpoolMode::Off
    }

    /// Whether each is stored before it is sent.
    pub(crate) fn stores_first(&self) -> bool {
        self.mode == SpoolMode::Always
    }
}

impl ReplayRule {
    fn of(verify: &VerifyConfig) -> Option<Self> {
        match verify {
            VerifyConfig::Signature {
                freshness,
                on_replay,
                ..
            } => Some(Self {
                max_age: freshness.max_age,
                on_replay: (*on_replay)?,
            }),
            VerifyConfig::ApiKey { .. } => None,
        }
    }
}

impl ActiveConfig {
    /// Makes a configuration ready for requests. The apps' addresses that `previous` has looked up are kept, so
    /// that a reload during an outage of name servers loses no events. Leaves copies of secrets on the stack,
    /// which the caller has to wipe: see [`crate::wipe`].
    pub(crate) fn new(config: &Config, metrics: &Metrics, previous: Option<&Self>) -> Self {
        metrics.forget_removed_routes();
        let known = previous.into_iter().flat_map(|active| &active.all_routes);
        let mut upstreams: HashMap<_, _> = known
            .map(|route| (route.upstream.key(), Arc::clone(&route.upstream)))
            .collect();
        let all_routes: Vec<Arc<Route>> = config
            .routes
            .iter()
            .map(|route| {
                let authorities = route.upstream_ca.as_deref();
                let key = (&route.upstream, authorities, route.upstream_protocol);
                let upstream = upstreams
                    .entry(key)
                    .or_insert_with(|| Arc::new(UpstreamAddress::new(key.0, key.1, key.2)));
                Arc::new(Route::new(route, metrics, Arc::clone(upstream)))
            })
            .collect();
        let patterns = config.routes.iter().map(|route| route.path.clone());
        let key_headers = config
            .routes
            .iter()
            .filter_map(|route| match &route.verify {
                VerifyConfig::ApiKey {
                    location: ApiKeyLocation::Header(name),
                    ..
                } => Some(name.clone()),
                _ => None,
            })
            .collect();
        let records = all_routes.iter().any(|route| route.records_refused);
        Self {
            server: config.server.clone(),
            routes: PathTable::new(patterns.zip(all_routes.iter().cloned())),
            all_routes,
            providers: config.providers,
            key_headers,
            hidden: Arc::new(if records {
                Hidden::of(config)
            } else {
                Hidden::default()
            }),
            unrouted: LogLimits::default(),
            admin_hosts: config.admin.hosts.clone(),
            tls: config.server.tls.as_ref().and_then(TlsServer::new),
        }
    }

    /// Whether verification or the hand-off uses this header, on any route.
    pub(crate) fn uses_header(&self, name: &[u8]) -> bool {
        handoff::is_reserved(name)
            || self.providers.send_header(name)
            || HeaderName::from_bytes(name).is_ok_and(|name| self.key_headers.contains(&name))
    }
}

impl Route {
    /// What its sender does with an answer.
    pub(crate) fn answer_rules(&self) -> &'static AnswerRules {
        self.sender
            .map_or(&AnswerRules::UNKNOWN, |provider| &provider.answers)
    }

    fn new(config: &RouteConfig, metrics: &Metrics, upstream: Arc<UpstreamAddress>) -> Self {
        let (verifier, strip) = match &config.verify {
            VerifyConfig::Signature {
                provider,
                versions,
                freshness,
                body_start,
                secrets,
                ..
            } => {
                let settings = SignatureSettings {
                    provider,
                    versions,
                    freshness: *freshness,
                    body_start: *body_start,
                    secrets,
                };
                let verifier = Verifier::for_signatures(settings, config.enforce);
                (verifier, None)
            }
            VerifyConfig::ApiKey {
                location,
                strip,
                secrets,
                ..
            } => {
                let settings = ApiKeySettings {
                    location: location.clone(),
                    keys: secrets,
                };
                let strip = strip.then(|| location.clone());
                (Verifier::for_api_keys(settings, config.enforce), strip)
            }
        };
        let key_parameter = match &config.verify {
            VerifyConfig::ApiKey {
                location: ApiKeyLocation::Query(name),
                ..
            } => Some(name.clone()),
            _ => None,
        };
        let sender = config.verify.sender();
        let allow = config
            .methods
            .iter()
            .map(Method::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        Self {
            name: Arc::clone(&config.name),
            path: config.path.clone(),
            enforce: config.enforce,
            freshness: config.verify.freshness(),
            methods: config.methods.clone(),
            allow: HeaderValue::from_str(&allow).unwrap_or_else(|_| HeaderValue::from_static("")),
            max_body_bytes: config.max_body_bytes,
            public_url: config.public_url.clone(),
            matched_len: config.path.matched_len(),
            metrics: metrics.route(config),
            upstream,
            upstream_timeout: config.upstream_timeout,
            upstream_connect_timeout: config.upstream_connect_timeout,
            upstream_idle_timeout: config.upstream_idle_timeout,
            retry_after: config.retry_after,
            verified_headers: verified_headers(&config.verify),
            verifier,
            strip,
            key_parameter,
            access_log: config.access_log,
            replay: ReplayRule::of(&config.verify),
            records_refused: config.record == Record::Refused,
            spool: SpoolRule {
                mode: config.spool,
                max_age: config.spool_max_age,
                in_order: config.spool_in_order,
            },
            sender,
            log_limits: LogLimits::default(),
        }
    }
}

/// The headers that verification reads.
fn verified_headers(verify: &VerifyConfig) -> Vec<String> {
    let headers: Vec<&str> = match verify {
        VerifyConfig::Signature { provider, .. } => {
            let headers = provider.headers.iter().chain(&provider.nonce_header);
            headers.copied().collect()
        }
        VerifyConfig::ApiKey { location, .. } => match location {
            ApiKeyLocation::Header(name) => vec![name.as_str()],
            ApiKeyLocation::Query(_) => Vec::new(),
        },
    };
    headers.into_iter().map(str::to_owned).collect()
}
