//! What explains a refusal, in a few words: what the log has in a field each.
//!
//! The log is for operators alone, and shows a header's value as it came. Here a value is shown only where it looks like
//! what belongs there: whoever mixes up headers may send a secret, or a signature, as the time.

use crate::observe::refusals::Explanation;

/// The longest version that is shown.
const MAX_VERSION_BYTES: usize = 4;
/// The longest time that is shown: one of RFC 3339 with nanoseconds and an offset.
const MAX_TIME_BYTES: usize = 35;

/// The words, or `None` where the reason says all. Everything in it was cut and escaped before.
pub(super) fn detail(explanation: &Explanation) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(explanation.text.as_deref().map(str::to_owned));
    parts.extend(named(explanation));
    parts.extend(timed(explanation));
    let host = explanation.public_host.as_ref();
    parts.extend(host.map(|host| format!("host {host}")));
    parts.extend(signed(explanation));
    parts.extend(sizes(explanation));
    let tried = explanation.secrets_tried.as_ref();
    parts.extend(tried.map(|ids| match ids.as_str() {
        "" => "no secret was valid".to_owned(),
        ids => format!("secrets tried: {}", ids.replace(',', ", ")),
    }));
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The header or parameter that it is about.
fn named(explanation: &Explanation) -> Option<String> {
    let version = explanation.version.as_deref().map(version);
    match (&explanation.about, version) {
        (Some(name), Some(version)) => Some(format!("{name}: {version}")),
        (Some(name), None) => Some(name.clone()),
        (None, version) => version.map(str::to_owned),
    }
}

/// A version as it was sent, such as `v3` or `2`.
fn version(sent: &str) -> &str {
    let digits = sent.trim_start_matches(['v', 'V']);
    let is_one =
        sent.len() <= MAX_VERSION_BYTES && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { sent } else { "no version" }
}

/// A time as it was sent: a number, or a date such as RFC 3339 has.
fn time(sent: &str) -> &str {
    let is_one = |byte: u8| byte.is_ascii_digit() || b"-+:.TZ ".contains(&byte);
    match sent {
        "" => "that is empty",
        sent if sent.len() <= MAX_TIME_BYTES && sent.bytes().all(is_one) => sent,
        _ => "that is no time",
    }
}

/// The timestamp, and how far it was from our clock.
fn timed(explanation: &Explanation) -> Option<String> {
    let received = time(explanation.timestamp_received.as_deref()?);
    let Some(age) = explanation.age_ms else {
        return Some(format!("timestamp {received}"));
    };
    let seconds = age.unsigned_abs() as f64 / 1_000.0;
    let side = if age < 0 { "ahead of" } else { "behind" };
    Some(format!(
        "timestamp {received}, {seconds} s {side} our clock"
    ))
}

/// What the signature had to cover.
fn signed(explanation: &Explanation) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(origin) = &explanation.signed_origin {
        let path = explanation.signed_path.as_deref().unwrap_or_default();
        parts.push(format!("{origin}{path}"));
    }
    let bytes = [
        (explanation.query_bytes, "a query"),
        (explanation.body_bytes, "a body"),
    ];
    for (count, what) in bytes {
        parts.extend(count.map(|count| format!("{what} of {count} bytes")));
    }
    (!parts.is_empty()).then(|| format!("signed: {}", parts.join(", ")))
}

/// The numbers beside a limit.
fn sizes(explanation: &Explanation) -> Vec<String> {
    let sizes = [
        ("announced", explanation.declared),
        ("came", explanation.counted),
        ("header", explanation.header_bytes),
        ("limit", explanation.limit),
    ];
    let known = sizes.into_iter();
    known
        .filter_map(|(what, count)| Some(format!("{what}: {} bytes", count?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_words() {
        let none = Explanation::default;
        assert_eq!(detail(&none()), None);
        for (explanation, words) in [
            (
                Explanation {
                    about: Some("X-V".to_owned()),
                    version: Some("v9".to_owned()),
                    ..none()
                },
                "X-V: v9",
            ),
            (
                Explanation {
                    timestamp_received: Some("1700000000000".to_owned()),
                    age_ms: Some(-3_600_500),
                    ..none()
                },
                "timestamp 1700000000000, 3600.5 s ahead of our clock",
            ),
            (
                Explanation {
                    timestamp_received: Some("2026-11-30T10:00:00Z".to_owned()),
                    ..none()
                },
                "timestamp 2026-11-30T10:00:00Z",
            ),
            (
                Explanation {
                    timestamp_received: Some("whsec-a-secret".to_owned()),
                    ..none()
                },
                "timestamp that is no time",
            ),
            (
                Explanation {
                    about: Some("X-V".to_owned()),
                    version: Some("whsec-a-secret".to_owned()),
                    ..none()
                },
                "X-V: no version",
            ),
            (
                Explanation {
                    limit: Some(1_024),
                    declared: Some(u64::MAX),
                    ..Explanation::text("too long")
                },
                "too long; announced: 18446744073709551615 bytes; limit: 1024 bytes",
            ),
            (
                Explanation {
                    body_bytes: Some(14),
                    secrets_tried: Some("old,current".to_owned()),
                    ..none().with_signed_url("https://a.example", b"/in", 9)
                },
                "signed: https://a.example/in, a query of 9 bytes, a body of 14 bytes; secrets tried: old, current",
            ),
        ] {
            assert_eq!(detail(&explanation).as_deref(), Some(words));
        }
    }
}
