//! The hookward that serves by this configuration, if one does, as its admin address shows it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::ask::{Answer, PATIENCE, Question, ask};
use crate::config::{Upstream, UpstreamProtocol};
use crate::upstream::address::UpstreamAddress;
use crate::upstream::connect::Connector;

/// The most that is read of `/metrics`: thousands of routes.
const MAX_METRICS: usize = 64 << 20;
/// How long a counter may take to rise after the answer that it counts.
const COUNTED_WITHIN: Duration = Duration::from_secs(2);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(20);

/// A running hookward.
pub(super) struct Serving<'a> {
    connector: &'a Connector,
    admin: UpstreamAddress,
}

impl<'a> Serving<'a> {
    /// The hookward whose admin address this is; `None` where something else, or nobody, answers.
    pub(super) async fn find(connector: &'a Connector, admin: SocketAddr) -> Option<Self> {
        if admin.port() == 0 {
            return None;
        }
        let serving = Self {
            connector,
            admin: address_of(admin),
        };
        let metrics = serving.metrics().await?;
        metrics
            .contains("\nhookward_build_info{")
            .then_some(serving)
    }

    /// A scrape.
    pub(super) async fn metrics(&self) -> Option<String> {
        let answer = self.get("/metrics").await?;
        String::from_utf8(answer.body)
            .ok()
            .filter(|_| answer.status == 200)
    }

    /// Why it should get no requests now, where it says so.
    pub(super) async fn obstacles(&self) -> Option<String> {
        let answer = self.get("/readyz").await?;
        let text = String::from_utf8_lossy(&answer.body);
        (answer.status == 503).then(|| text.trim_end().replace('\n', ", "))
    }

    async fn get(&self, target: &str) -> Option<Answer> {
        let question = Question {
            method: "GET".to_owned(),
            max_answer: MAX_METRICS,
            ..Question::head(target, "localhost")
        };
        let asked = ask(self.connector, &self.admin, &question, PATIENCE, PATIENCE);
        asked.await.ok()
    }

    /// The sum of a metric's series that have all these labels.
    pub(super) async fn sum(&self, metric: &str, labels: &[String]) -> Option<f64> {
        Some(sum(&self.metrics().await?, metric, labels))
    }

    /// Whether that sum rises above `before`, soon.
    pub(super) async fn rises(&self, metric: &str, labels: &[String], before: f64) -> bool {
        let began = Instant::now();
        loop {
            let now = self.sum(metric, labels).await;
            if now.is_some_and(|now| now > before) {
                return true;
            }
            if began.elapsed() >= COUNTED_WITHIN {
                return false;
            }
            sleep(LOOK).await;
        }
    }
}

/// Where a connection from this machine reaches whoever listens at `address`.
pub(super) fn address_of(address: SocketAddr) -> UpstreamAddress {
    let upstream = Upstream::Tcp {
        host: reachable(address).ip().to_string(),
        port: address.port(),
        tls: false,
    };
    UpstreamAddress::new(&upstream, None, UpstreamProtocol::Http1)
}

/// The address, with this machine's own in the place of "all addresses".
pub(in crate::cli) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// A label as the text format has it. Names of routes need no escapes.
pub(super) fn label(name: &str, value: &str) -> String {
    format!("{name}=\"{value}\"")
}

fn sum(metrics: &str, metric: &str, labels: &[String]) -> f64 {
    let lines = metrics.lines().filter_map(|line| line.rsplit_once(' '));
    let values = lines.filter(|(series, _)| {
        let (name, found) = series.split_once('{').unwrap_or((series, ""));
        name == metric && labels.iter().all(|label| found.contains(label.as_str()))
    });
    values
        .filter_map(|(_, value)| value.parse::<f64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_by_their_labels() {
        let metrics = "# TYPE a counter\na{route=\"x\",status=\"200\"} 2\na{route=\"x\",status=\"401\"} 3\n\
                       a{route=\"xy\",status=\"200\"} 10\nab 7\nb 1.5\n";
        let of = |metric, labels: &[String]| sum(metrics, metric, labels);
        assert_eq!(of("a", &[label("route", "x")]), 5.0);
        assert_eq!(of("a", &[]), 15.0);
        assert_eq!(of("b", &[]), 1.5);
        assert_eq!(of("a", &[label("route", "z")]), 0.0);
    }
}
