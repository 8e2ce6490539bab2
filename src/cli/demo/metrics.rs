//! Reads the proxy's metrics the way a scraper does, and what moved between two scrapes.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::super::Failure;
use super::super::send::exchange;

const VERDICTS: &str = "hookward_verdicts_total";
const NO_HEADERS: [(&str, &str); 0] = [];

/// All series at one time.
pub(super) struct Snapshot(BTreeMap<String, f64>);

impl Snapshot {
    pub(super) fn scrape(admin: SocketAddr) -> Result<Self, Failure> {
        let url = format!("http://{admin}/metrics")
            .parse()
            .map_err(Failure::failed)?;
        let answer = exchange("GET", &url, &NO_HEADERS, Vec::new())?;
        let text = String::from_utf8(answer.body).map_err(Failure::failed)?;
        let series = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (series, value) = line.rsplit_once(' ')?;
                Some((series.to_owned(), value.parse().ok()?))
            });
        Ok(Self(series.collect()))
    }

    /// The series that changed, and by how much. Of histograms only the counts, and no `process_*`: the
    /// process is that of the sender and the app too.
    pub(super) fn since(&self, before: &Self) -> Vec<(&str, f64)> {
        self.0
            .iter()
            .filter(|(series, _)| !series.contains("_bucket{") && !series.contains("_sum{"))
            .filter_map(|(series, value)| {
                let change = value - before.0.get(series).copied().unwrap_or(0.0);
                (change != 0.0).then_some((series.as_str(), change))
            })
            .filter(|(series, _)| !series.contains("_timestamp_seconds"))
            .filter(|(series, _)| !series.starts_with("process_"))
            .collect()
    }

    /// Verdict and reason of the one request judged since.
    pub(super) fn verdict_since(&self, before: &Self) -> Option<(String, String)> {
        let moved = self.since(before);
        let mut verdicts = moved
            .iter()
            .filter(|(series, _)| series.starts_with(VERDICTS));
        match (verdicts.next(), verdicts.next()) {
            (Some((series, _)), None) => {
                Some((label(series, "verdict")?, label(series, "reason")?))
            }
            _ => None,
        }
    }
}

fn label(series: &str, name: &str) -> Option<String> {
    let (_, rest) = series.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}
