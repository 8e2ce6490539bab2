//! What an operator scrapes: here what is counted once a process, in [`route`] and [`families`] what is
//! counted once a route.
//!
//! Label values come from the configuration and from fixed lists, never from a request: an attacker
//! must not be able to create series.

mod app;
mod buckets;
mod cells;
mod distribution;
mod expected;
mod families;
mod labels;
mod limits;
mod quantile;
mod replay;
mod route;
mod spool;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Encoder, Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

pub use app::{AppSeen, AppSeries};
pub use distribution::{Counts, Distribution};
pub use labels::{NONE, Verdict};
pub use limits::LimitMetrics;
pub use quantile::Quantile;
pub use replay::ReplayMetrics;
pub use route::{RouteMetrics, SecretSeen, Series};
pub use spool::{SpoolMetrics, SpooledOf};

use crate::config::{RouteConfig, SpoolMode, TlsCertificate};
use crate::verify::Timestamp;

/// All metrics of a process.
pub struct Metrics {
    registry: Registry,
    routes: Mutex<BTreeMap<Arc<str>, Weak<Series>>>,
    /// Requests that have no route.
    pub unrouted: RouteMetrics,
    config_reloads: IntCounterVec,
    tls_handshakes: IntCounterVec,
    certificate_start: GaugeVec,
    certificate_expiry: GaugeVec,
    config_last_reload: Gauge,
    config_last_reload_successful: IntGauge,
    ready: IntGauge,
    recordings: IntCounterVec,
    /// Claims of requests, so that each counts once.
    pub replay: ReplayMetrics,
    /// Events that wait for their apps.
    pub spool: SpoolMetrics,
    /// What there is room for.
    pub limits: LimitMetrics,
    /// Requests between their header and the end of their response.
    pub requests_in_flight: IntGauge,
    /// Open connections from senders.
    pub connections: IntGauge,
    /// Connections from senders that were closed because there was no room.
    pub connections_refused: IntCounter,
    /// Bytes of bodies and large headers held.
    pub buffered_bytes: IntGauge,
    /// Lines that are missing from the log.
    pub log_lines_omitted: IntCounter,
}

/// How a TLS handshake with a sender ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// The connection is one of TLS.
    Made,
    /// One side refused, or went away.
    Failed,
    /// It did not end within `header_timeout`.
    TooSlow,
}

impl Handshake {
    const ALL: [Self; 3] = [Self::Made, Self::Failed, Self::TooSlow];

    fn label(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Failed => "failed",
            Self::TooSlow => "too_slow",
        }
    }
}

impl Metrics {
    /// Fresh metrics, all registered.
    ///
    /// # Errors
    /// Only if two metrics had one name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let unrouted = Arc::new(Series::new(NONE.into()));
        let metrics = Self {
            registry: Registry::new(),
            routes: Mutex::new(BTreeMap::from([(NONE.into(), Arc::downgrade(&unrouted))])),
            unrouted: RouteMetrics::new(unrouted, &expected::without_route(), &[]),
            config_reloads: IntCounterVec::new(
                Opts::new(
                    "hookward_config_reloads_total",
                    "Changed configurations. result=\"refused\": the last one stays in use; the \
                     event \"config_refused\" says why.",
                ),
                &["result"],
            )?,
            tls_handshakes: IntCounterVec::new(
                Opts::new(
                    "hookward_tls_handshakes_total",
                    "TLS handshakes with senders. Those that did not succeed are explained by the \
                     event \"tls_handshake_failed\".",
                ),
                &["result"],
            )?,
            certificate_start: GaugeVec::new(
                Opts::new(
                    "hookward_certificate_start_timestamp_seconds",
                    "When a certificate of [server.tls] began. Where it does not change at a renewal, reload.",
                ),
                &["subject"],
            )?,
            certificate_expiry: GaugeVec::new(
                Opts::new(
                    "hookward_certificate_expiry_timestamp_seconds",
                    "When a certificate of [server.tls] ends. Replace it before, and reload.",
                ),
                &["subject"],
            )?,
            config_last_reload: Gauge::new(
                "hookward_config_last_reload_timestamp_seconds",
                "When the configuration in use was applied. Where it is older than your last change, the change \
                 is not in use: reload it.",
            )?,
            config_last_reload_successful: IntGauge::new(
                "hookward_config_last_reload_successful",
                "0 while the configuration file was refused and an older configuration is in use: the event \
                 \"config_refused\" says why.",
            )?,
            ready: IntGauge::new(
                "hookward_ready",
                "0 while the process should get no requests: /readyz says why.",
            )?,
            recordings: IntCounterVec::new(
                Opts::new(
                    "hookward_recordings_total",
                    "Refused requests of routes with record = \"refused\". result=\"lost\": the disk is \
                     full, too slow or cannot be written; the event \"recordings_lost\" says why.",
                ),
                &["result"],
            )?,
            replay: ReplayMetrics::new()?,
            spool: SpoolMetrics::new()?,
            limits: LimitMetrics::new()?,
            requests_in_flight: IntGauge::new(
                "hookward_requests_in_flight",
                "Requests between their header and the end of their response. Where it only rises, the app does not \
                 answer: look at hookward_upstream_seconds.",
            )?,
            connections: IntGauge::new(
                "hookward_connections",
                "Open connections from senders. Keep hookward_connections_limit above their peak.",
            )?,
            connections_refused: IntCounter::new(
                "hookward_connections_refused_total",
                "Connections closed at once, because max_connections were open and none was idle. \
                 If it rises, raise max_connections and the limit of open files.",
            )?,
            buffered_bytes: IntGauge::new(
                "hookward_buffered_bytes",
                "Bytes of bodies and large headers held. Near hookward_buffered_bytes_limit, senders are told to come \
                 again (\"overloaded\"): find out why the app is slow, or raise max_buffered_bytes.",
            )?,
            log_lines_omitted: IntCounter::new(
                "hookward_log_lines_omitted_total",
                "Lines missing from the log, because whoever reads standard error was too slow. \
                 Look there.",
            )?,
        };
        // A process that cannot use its configuration does not start.
        metrics.config_last_reload_successful.set(1);
        for result in ["applied", "refused"] {
            metrics.config_reloads.with_label_values(&[result]);
        }
        for is_kept in [true, false] {
            metrics.recordings.with_label_values(&[kept(is_kept)]);
        }
        for result in Handshake::ALL {
            metrics.tls_handshakes.with_label_values(&[result.label()]);
        }
        let build_info = IntGaugeVec::new(
            Opts::new(
                "hookward_build_info",
                "1. The labels say which version runs, built from which commit.",
            ),
            &["version", "revision"],
        )?;
        build_info
            .with_label_values(&[env!("CARGO_PKG_VERSION"), env!("HOOKWARD_REVISION")])
            .set(1);
        let register = |collector| metrics.registry.register(collector);
        register(Box::new(metrics.config_reloads.clone()))?;
        register(Box::new(metrics.config_last_reload.clone()))?;
        register(Box::new(metrics.config_last_reload_successful.clone()))?;
        register(Box::new(metrics.ready.clone()))?;
        register(Box::new(metrics.tls_handshakes.clone()))?;
        register(Box::new(metrics.certificate_start.clone()))?;
        register(Box::new(metrics.certificate_expiry.clone()))?;
        register(Box::new(metrics.recordings.clone()))?;
        for collector in metrics.replay.collectors() {
            register(collector)?;
        }
        for collector in metrics.spool.collectors() {
            register(collector)?;
        }
        for collector in metrics.limits.collectors() {
            register(collector)?;
        }
        register(Box::new(metrics.requests_in_flight.clone()))?;
        register(Box::new(metrics.connections.clone()))?;
        register(Box::new(metrics.connections_refused.clone()))?;
        register(Box::new(metrics.buffered_bytes.clone()))?;
        register(Box::new(metrics.log_lines_omitted.clone()))?;
        register(Box::new(build_info))?;
        register(Box::new(ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// The metrics of a route: every series that it can give, at 0 or at what was counted under its name
    /// before.
    #[must_use]
    pub fn route(&self, config: &RouteConfig) -> RouteMetrics {
        let series = self.series(&config.name);
        if config.spool != SpoolMode::Off {
            series.has_spool(config.spool_max_age);
        }
        series.set_sender(config.verify.sender());
        let expected = expected::of(config);
        RouteMetrics::new(series, &expected, config.verify.secrets())
    }

    fn series(&self, name: &Arc<str>) -> Arc<Series> {
        let mut routes = self.lock_routes();
        if let Some(series) = routes.get(name).and_then(Weak::upgrade) {
            return series;
        }
        let series = Arc::new(Series::new(Arc::clone(name)));
        routes.insert(Arc::clone(name), Arc::downgrade(&series));
        series
    }

    /// Frees the entries of routes that no configuration in use has any more.
    pub fn forget_removed_routes(&self) {
        let mut routes = self.lock_routes();
        routes.retain(|_, series| series.strong_count() > 0);
    }

    /// Counts a changed configuration.
    pub fn count_reload(&self, is_applied: bool) {
        let result = if is_applied { "applied" } else { "refused" };
        self.config_reloads.with_label_values(&[result]).inc();
        self.config_last_reload_successful.set(is_applied.into());
    }

    /// Whether the process should get requests.
    pub fn set_ready(&self, is_ready: bool) {
        self.ready.set(is_ready.into());
    }

    /// Counts a refused request that was to be kept.
    pub fn count_recording(&self, is_kept: bool) {
        self.recordings.with_label_values(&[kept(is_kept)]).inc();
    }

    /// Counts a TLS handshake.
    pub fn count_handshake(&self, result: Handshake) {
        let label = result.label();
        self.tls_handshakes.with_label_values(&[label]).inc();
    }

    /// The certificates that are in use: what each is called, and when it begins and ends, in seconds since the epoch.
    pub fn set_certificates(&self, certificates: &[TlsCertificate]) {
        let times = |gauges: &GaugeVec, time: fn(&TlsCertificate) -> i64| {
            gauges.reset();
            for certificate in certificates {
                let gauge = gauges.with_label_values(&[&certificate.subject]);
                gauge.set(time(certificate) as f64);
            }
        };
        times(&self.certificate_start, |certificate| {
            certificate.not_before
        });
        times(&self.certificate_expiry, |certificate| {
            certificate.not_after
        });
    }

    /// When the configuration in use was applied.
    pub fn set_last_reload(&self, at: Timestamp) {
        self.config_last_reload.set(at.as_secs());
    }

    /// The text exposition format, at the time `now`.
    ///
    /// # Errors
    /// Only if a metric cannot be written as text.
    pub fn text(&self, now: Timestamp) -> Result<Vec<u8>, prometheus::Error> {
        let routes: Vec<Arc<Series>> = {
            let routes = self.lock_routes();
            routes.values().filter_map(Weak::upgrade).collect()
        };
        let encoder = TextEncoder::new();
        let mut text = Vec::new();
        for family in families::of(&routes, now) {
            encoder.encode(&[family], &mut text)?;
        }
        encoder.encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }

    fn lock_routes(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Weak<Series>>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The label of refused requests that were kept, or could not be.
fn kept(is_kept: bool) -> &'static str {
    if is_kept { "kept" } else { "lost" }
}
