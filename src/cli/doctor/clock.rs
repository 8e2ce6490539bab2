//! This machine's clock beside those of others: signed timestamps are judged by it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::AGE;

use super::ask::{Answer, PATIENCE, Question, Unanswered, ask};
use super::report::Line;
use super::{TimeFrom, url};
use crate::config::{RouteConfig, UpstreamProtocol, VerifyConfig};
use crate::upstream::address::UpstreamAddress;
use crate::upstream::connect::Connector;

const CHECK: &str = "clock";
/// Clocks that agree are not further apart, in milliseconds.
const TOLERANCE_MS: i64 = 2_000;
/// A `Date` has whole seconds; on average it is half of one late.
const HALF_SECOND_MS: i64 = 500;

/// What the server of `--time-from` answers, or why there is no answer.
pub(super) async fn ask_server(
    connector: &Connector,
    from: &TimeFrom,
) -> Result<(String, Answer), Line> {
    let upstream = UpstreamAddress::new(&from.upstream, None, UpstreamProtocol::Http1);
    let origin = url::origin_of(&from.url);
    let target = from
        .url
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let question = Question::head(target, url::host_of(&from.url));
    let why = match ask(connector, &upstream, &question, PATIENCE, PATIENCE).await {
        Ok(answer) if is_stored(&answer) => "its answer comes from a cache".to_owned(),
        Ok(answer) if off_by(&answer).is_none() => "its answer has no `Date`".to_owned(),
        Ok(answer) => return Ok((origin, answer)),
        Err(Unanswered::Connect(error)) => error.to_string(),
        Err(Unanswered::Silent) => "it gives no answer".to_owned(),
    };
    let text = format!("not compared: {why}");
    let fix = "name another server with --time-from";
    Err(Line::warning(CHECK, origin, text, fix))
}

/// A line for each that said what time it is. Nothing if no route has signed timestamps.
pub(super) fn check(routes: &[RouteConfig], answers: &[(String, Answer)]) -> Vec<Line> {
    let Some(limits) = Limits::of(routes) else {
        return Vec::new();
    };
    let mut lines: Vec<Line> = answers
        .iter()
        .filter_map(|(about, answer)| Some(limits.judge(about, off_by(answer)?)))
        .collect();
    if lines.is_empty() {
        lines.push(Line::warning(
            CHECK,
            "this machine",
            "compared with nothing: no app said the time in a `Date`",
            "compare it with a server's: --time-from https://…",
        ));
    }
    lines
}

/// How far a clock may be off before requests are refused, in milliseconds.
struct Limits {
    /// The shortest `max_age`: a clock that is ahead makes timestamps look old.
    max_age: i64,
    /// The shortest `max_skew`: one that is behind makes them look early.
    max_skew: i64,
}

impl Limits {
    fn of(routes: &[RouteConfig]) -> Option<Self> {
        let freshness = routes.iter().filter_map(|route| match &route.verify {
            VerifyConfig::Signature { freshness, .. }
                if route
                    .verify
                    .schemes()
                    .any(|scheme| scheme.timestamp_header.is_some()) =>
            {
                Some(freshness)
            }
            _ => None,
        });
        Some(Self {
            max_age: millis(freshness.clone().map(|it| it.max_age).min()?),
            max_skew: millis(freshness.map(|it| it.max_skew).min()?),
        })
    }

    fn judge(&self, about: &str, off: Off) -> Line {
        let (direction, key, limit) = if off.by_ms > 0 {
            ("ahead of", "max_age", self.max_age)
        } else {
            ("behind", "max_skew", self.max_skew)
        };
        let certain = off.by_ms.saturating_abs().saturating_sub(off.doubt_ms);
        if certain <= TOLERANCE_MS {
            return Line::ok(CHECK, about, "this machine's clock agrees with its");
        }
        let text = format!(
            "this machine's clock is {} {direction} its",
            in_words(off.by_ms.saturating_abs())
        );
        if certain > limit / 2 {
            let text =
                format!("{text}, more than half of {key}: requests are refused, or soon will be");
            let fix = "set the clock that is wrong, and keep it right by NTP";
            Line::failed(CHECK, about, text, fix)
        } else {
            Line::warning(
                CHECK,
                about,
                text,
                "see which clock is wrong, and keep it right by NTP",
            )
        }
    }
}

/// How far our clock is from another.
struct Off {
    /// In milliseconds; positive: ours is ahead.
    by_ms: i64,
    /// By how much that can be wrong.
    doubt_ms: i64,
}

/// Whether a cache had the answer for a while (RFC 9111 section 5.1): its `Date` is then in the past.
fn is_stored(answer: &Answer) -> bool {
    answer.headers.get_all(AGE).iter().any(|age| age != "0")
}

/// Compares our clock with the `Date` of an answer. `None` where that says nothing of now.
fn off_by(answer: &Answer) -> Option<Off> {
    if is_stored(answer) {
        return None;
    }
    let date = httpdate::parse_http_date(answer.header("date")?).ok()?;
    let theirs = since_epoch(date).saturating_add(HALF_SECOND_MS);
    let (asked, answered) = (
        since_epoch(answer.asked_at),
        since_epoch(answer.answered_at),
    );
    let waited = answered.saturating_sub(asked).max(0);
    let ours = asked.saturating_add(waited / 2);
    Some(Off {
        by_ms: ours.saturating_sub(theirs),
        doubt_ms: waited / 2,
    })
}

fn since_epoch(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, millis)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn in_words(millis: i64) -> String {
    match millis / 1_000 {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => {
            let minutes = seconds / 60;
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_in_the_units_that_people_use() {
        assert_eq!(in_words(2_900), "2 s");
        assert_eq!(in_words(185_000), "3 min 5 s");
        assert_eq!(in_words(7_260_000), "2 h 1 min");
    }
}
