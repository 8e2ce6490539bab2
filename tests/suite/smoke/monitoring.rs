//! The rules, alerts and the dashboard that are shipped name what is there: metrics, recording rules, sections of the
//! documentation. Whether they work, a Prometheus is asked by `make interop`.

use std::collections::BTreeSet;

use crate::support::proxy::project;

const ALERTS: &str = "conf/prometheus/alerts.yml";
const RULES: &str = "conf/prometheus/rules.yml";
const DASHBOARD: &str = "conf/grafana/hookward.json";

fn read(file: &str) -> String {
    std::fs::read_to_string(project(file)).unwrap()
}

/// The values of a key of YAML, wherever it stands on a line of its own.
fn values<'a>(yaml: &'a str, key: &str) -> Vec<&'a str> {
    let values = yaml.lines().filter_map(|line| {
        let line = line.trim_start().trim_start_matches("- ");
        line.strip_prefix(key)?.strip_prefix(": ")
    });
    values.collect()
}

/// All words that are names of Prometheus, without what is in quotes or behind a `#`.
fn names(text: &str) -> BTreeSet<&str> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.split(|c| !is_of_name(c)).collect()
}

/// The metrics that the documentation lists.
fn documented() -> BTreeSet<String> {
    let page = read("docs/operations.md");
    let (_, metrics) = page.split_once("\n## Metrics\n").unwrap();
    let (metrics, _) = metrics.split_once("\n## ").unwrap();
    let rows = metrics.lines().filter(|line| line.starts_with("| `"));
    let firsts = rows.filter_map(|row| row.split('|').nth(1));
    firsts
        .flat_map(|names| names.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// A metric without what a histogram adds.
fn family(name: &str) -> &str {
    let ends = ["_bucket", "_count", "_sum"];
    ends.iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name)
}

#[test]
fn what_they_name_is_there() {
    let metrics = documented();
    assert!(metrics.len() > 40, "{metrics:?}");
    let rules = read(RULES);
    let recorded: BTreeSet<&str> = values(&rules, "record").into_iter().collect();
    assert!(recorded.len() > 20);
    for file in [RULES, ALERTS, DASHBOARD] {
        let text = read(file);
        let mut count = 0;
        for name in names(&text) {
            if name.contains(':') && name.contains("hookward_") {
                assert!(recorded.contains(name), "{file}: {name} is not recorded");
                count += 1;
            } else if name.starts_with("hookward_") || name.starts_with("process_") {
                assert!(
                    metrics.contains(family(name)),
                    "{file}: {name} is no metric"
                );
                count += 1;
            }
        }
        assert!(count > 20, "{file}");
    }
}

#[test]
fn each_alert_says_how_urgent_it_is_and_what_to_do() {
    let (alerts, page) = (read(ALERTS), read("docs/operations.md"));
    let tests =
        read("conf/prometheus/alerts.test.yml") + &read("conf/prometheus/alerts.week.test.yml");
    let names = values(&alerts, "alert");
    assert!(names.len() > 30);
    for key in [
        "severity",
        "summary",
        "description",
        "runbook",
        "runbook_url",
    ] {
        assert_eq!(values(&alerts, key).len(), names.len(), "{key}");
    }
    let severities = values(&alerts, "severity");
    for (name, (severity, url)) in names
        .iter()
        .zip(severities.iter().zip(values(&alerts, "runbook_url")))
    {
        let link = format!(
            "\"{{{{ $externalLabels.docs }}}}docs/operations.md#{}\"",
            name.to_lowercase()
        );
        assert_eq!(url, link);
        let section = format!("\n### {name}\n\n*{severity}*: ");
        assert!(
            page.contains(&section),
            "{name} has no section, or another severity"
        );
        assert!(
            tests.contains(&format!("alertname=\"{name}\"")),
            "{name} has no test"
        );
    }
}

#[test]
fn the_dashboard_is_as_grafana_takes_it() {
    let text = read(DASHBOARD);
    let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    assert!(dashboard["id"].is_null(), "it gets one when it is imported");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let title = &panel["title"];
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
        let place = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{title}");
    }
    assert!(
        !text.contains("\"uid\": \"P"),
        "a data source of somebody's own"
    );
}
