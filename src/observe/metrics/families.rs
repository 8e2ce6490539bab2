//! The families of series that routes have: their names, what they are for, and their text.

use std::sync::Arc;

use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use super::cells::Span;
use super::distribution::Distribution;
use super::labels::status_text;
use super::route::Series;
use crate::verify::Timestamp;

/// A family of series, and where each route has its own.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    series: fn(&Series, Timestamp) -> Vec<Metric>,
}

/// One family at a time, so that writing the text of many routes needs little memory besides the text.
pub(super) fn of(
    routes: &[Arc<Series>],
    now: Timestamp,
) -> impl Iterator<Item = MetricFamily> + '_ {
    FAMILIES.iter().filter_map(move |family| {
        let series = routes.iter().flat_map(|route| (family.series)(route, now));
        let series: Vec<Metric> = series.collect();
        if series.is_empty() {
            return None;
        }
        let mut found = MetricFamily::default();
        found.set_name(family.name.to_owned());
        found.set_help(family.help.to_owned());
        found.set_field_type(family.kind);
        found.set_metric(series);
        Some(found)
    })
}

static FAMILIES: [Family; 17] = [
    Family {
        name: "hookward_mismatch_findings_total",
        help: "Why signatures did not match, on routes with diagnose = true. The words are explained in \
               docs/troubleshooting.md; the event \"diagnosed\" says what to change.",
        kind: MetricType::COUNTER,
        series: |route, _| {
            let findings = route.findings.all().into_iter();
            findings
                .map(|(finding, count)| {
                    counter(&[("finding", finding), ("route", &*route.name)], count)
                })
                .collect()
        },
    },
    Family {
        name: "hookward_verdicts_total",
        help: "Requests judged. A rise of verdict=\"rejected\" is explained by the log's events \
               \"refused\" with the same reason.",
        kind: MetricType::COUNTER,
        series: |route, _| {
            let verdicts = route.verdicts.all().into_iter();
            verdicts
                .map(|((scheme, verdict), count)| {
                    let (verdict, reason) = verdict.labels();
                    let labels = [
                        ("reason", reason),
                        ("route", &*route.name),
                        ("scheme", scheme),
                        ("verdict", verdict),
                    ];
                    counter(&labels, count)
                })
                .collect()
        },
    },
    Family {
        name: "hookward_responses_total",
        help: "Responses to senders. origin=\"hookward\" with status 502 or 504: the app was not \
               reached or too slow, look for the event \"forwarding_failed\"; 429 or 503: overloaded.",
        kind: MetricType::COUNTER,
        series: |route, _| {
            let own = route.own_answers.all().into_iter();
            let own = own.map(|answers| ("hookward", answers));
            let app = route.app_answers.all().into_iter();
            let app = app.map(|answers| ("app", answers));
            app.chain(own)
                .map(|(origin, (status, count))| {
                    let status = status_text(status);
                    let labels = [
                        ("origin", origin),
                        ("route", &*route.name),
                        ("status", &status),
                    ];
                    counter(&labels, count)
                })
                .collect()
        },
    },
    Family {
        name: "hookward_secret_matches_total",
        help: "Requests verified, by secret. An old secret that no longer rises can be removed.",
        kind: MetricType::COUNTER,
        series: |route, _| {
            let secrets = route.secrets().into_iter();
            secrets
                .map(|secret| {
                    let labels = [("route", &*route.name), ("secret", &*secret.id)];
                    counter(&labels, secret.matches.get())
                })
                .collect()
        },
    },
    Family {
        name: "hookward_secret_remaining_seconds",
        help: "How long a secret with not_after still matches; negative: it does not any more. \
               Replace it before 0.",
        kind: MetricType::GAUGE,
        series: |route, now| {
            let secrets = route.secrets().into_iter();
            secrets
                .filter_map(|secret| {
                    let labels = [("route", &*route.name), ("secret", &*secret.id)];
                    let remaining = secret.not_after.get()?.seconds_since(now);
                    Some(gauge(&labels, remaining))
                })
                .collect()
        },
    },
    Family {
        name: "hookward_last_verified_timestamp_seconds",
        help: "When a request last verified; absent until one did. Alert where it is older than \
               the sender is ever silent.",
        kind: MetricType::GAUGE,
        series: |route, _| {
            let last = route.last_verified.get();
            let shown = last.map(|last| gauge(&[("route", &*route.name)], last.as_secs()));
            shown.into_iter().collect()
        },
    },
    Family {
        name: "hookward_late_answers_total",
        help: "Answers of the app after the sender's own time limit: the sender has given up and \
               may send again. Make the app answer first and work afterwards.",
        kind: MetricType::COUNTER,
        series: |route, _| of_route(route, route.late_answers.get()),
    },
    Family {
        name: "hookward_sender_timeout_seconds",
        help: "How long the sender waits for an answer; absent where that is not known, or where each request says it. \
               Keep hookward_upstream_seconds well below.",
        kind: MetricType::GAUGE,
        series: |route, _| spans(route, &route.sender_timeout),
    },
    Family {
        name: "hookward_answers_cut_total",
        help: "Answers of the app that broke off after they had begun. Look for a crash of the \
               app; the event \"forwarding_failed\" says when.",
        kind: MetricType::COUNTER,
        series: |route, _| of_route(route, route.answers_cut.get()),
    },
    Family {
        name: "hookward_uploads_cut_total",
        help: "Requests that the app answered and then did not read to their end. Where its answer \
               said success, check that it has the whole event.",
        kind: MetricType::COUNTER,
        series: |route, _| of_route(route, route.uploads_cut.get()),
    },
    Family {
        name: "hookward_spool_stored_total",
        help: "Verified requests that were stored and answered 202. On a route with spool = \"on-failure\" a rise \
               means that the app does not take requests: the event \"spooled\" says why.",
        kind: MetricType::COUNTER,
        series: |route, _| {
            if !route.shows_spool() {
                return Vec::new();
            }
            of_route(route, route.spool_stored.get())
        },
    },
    Family {
        name: "hookward_spool_deliveries_total",
        help: "Attempts to deliver stored events. result=\"failed\": tried again later; \"dead\": the app refused, or \
               spool_max_age is over: see `hookward spool list`.",
        kind: MetricType::COUNTER,
        series: |route, _| {
            if !route.shows_spool() {
                return Vec::new();
            }
            let results = [
                ("dead", &route.spool_dead),
                ("delivered", &route.spool_delivered),
                ("failed", &route.spool_failed),
            ];
            results
                .map(|(result, count)| {
                    counter(&[("result", result), ("route", &*route.name)], count.get())
                })
                .into()
        },
    },
    Family {
        name: "hookward_spool_max_age_seconds",
        help: "How long stored events are tried before they are dead letters: spool_max_age. Where \
               hookward_spool_oldest_seconds comes near, have the app take them, or raise it.",
        kind: MetricType::GAUGE,
        series: |route, _| spans(route, &route.spool_max_age),
    },
    Family {
        name: "hookward_verification_seconds",
        help: "Time spent verifying, without waiting for the body. It grows with the body and the \
               number of secrets: where it is long, remove those that are not needed any more.",
        kind: MetricType::HISTOGRAM,
        series: |route, _| histogram(route, &route.verification_seconds),
    },
    Family {
        name: "hookward_upstream_seconds",
        help: "Time from handing a request to the app to the end of its answer. Twenty waits for \
               5 s in all: where it comes near, make the app answer first and work afterwards.",
        kind: MetricType::HISTOGRAM,
        series: |route, _| histogram(route, &route.upstream_seconds),
    },
    Family {
        name: "hookward_request_body_bytes",
        help: "Sizes of request bodies that were read whole. Keep max_body_bytes well above them.",
        kind: MetricType::HISTOGRAM,
        series: |route, _| histogram(route, &route.request_body_bytes),
    },
    Family {
        name: "hookward_timestamp_age_seconds",
        help: "Age of signed timestamps whose signature matched; negative: from the future. If all \
               are off by the same, set the clock.",
        kind: MetricType::HISTOGRAM,
        series: |route, _| histogram(route, &route.timestamp_age_seconds),
    },
];

fn labelled(labels: &[(&str, &str)]) -> Metric {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    Metric::from_label(labels.iter().map(pair).collect())
}

fn counter(labels: &[(&str, &str)], count: u64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(count as f64);
    let mut metric = labelled(labels);
    metric.set_counter(counter);
    metric
}

fn gauge(labels: &[(&str, &str)], value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = labelled(labels);
    metric.set_gauge(gauge);
    metric
}

fn of_route(route: &Series, count: u64) -> Vec<Metric> {
    vec![counter(&[("route", &*route.name)], count)]
}

fn spans(route: &Series, span: &Span) -> Vec<Metric> {
    let shown = span.get();
    let shown = shown.map(|span| gauge(&[("route", &*route.name)], span.as_secs_f64()));
    shown.into_iter().collect()
}

fn histogram(route: &Series, distribution: &Distribution) -> Vec<Metric> {
    let mut found = distribution.get();
    if let Some(metric) = &mut found {
        let labels = labelled(&[("route", &*route.name)]).take_label();
        metric.set_label(labels);
    }
    found.into_iter().collect()
}
