//! The ways in which people write a time.

use std::time::UNIX_EPOCH;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The digits of milliseconds since the epoch, and of the seconds in them, from 2001 to 2286.
const MILLIS: usize = 13;
const SECONDS: usize = 10;

/// In what way a text is a time other than in milliseconds.
pub(in crate::explain) fn unit(value: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(value).ok()?;
    let bare = bare(text);
    if is_number(text) {
        return match text.len() {
            SECONDS => Some("in seconds"),
            16 => Some("in microseconds"),
            19 => Some("in nanoseconds"),
            _ => None,
        };
    }
    as_millis(text)?;
    let whole = bare.split(['.', 'e', 'E']).next().unwrap_or_default();
    Some(if is_number(whole) && whole.len() < bare.len() {
        "as a number with a fraction or an exponent"
    } else if of_date(bare).is_some() {
        "as a date"
    } else {
        "with something around or within its digits"
    })
}

/// The time in milliseconds, where the text tells it in another way.
pub(super) fn as_millis(text: &str) -> Option<String> {
    let bare = bare(text);
    if is_number(bare) {
        return match bare.len() {
            SECONDS => Some(format!("{bare}000")),
            MILLIS if bare != text => Some(bare.to_owned()),
            16 | 19 => bare.get(..MILLIS).map(str::to_owned),
            _ => None,
        };
    }
    of_fraction(bare).or_else(|| of_date(bare)).or_else(|| {
        let digits: String = bare.chars().filter(char::is_ascii_digit).collect();
        let is_spaced = bare
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b",_ '".contains(&byte));
        (is_spaced && digits.len() == MILLIS).then_some(digits)
    })
}

/// The texts that may have been signed where this one came.
pub(super) fn others(text: &str) -> Vec<String> {
    let mut texts: Vec<String> = as_millis(text).into_iter().collect();
    let bare = bare(text);
    texts.push(bare.to_owned());
    if let Some((whole, _)) = bare.split_once('.').filter(|(whole, _)| is_number(whole)) {
        texts.push(whole.to_owned());
    }
    let millis = texts
        .iter()
        .find(|text| text.len() == MILLIS && is_number(text));
    if let Some(millis) = millis.cloned() {
        texts.extend(written(&millis));
    }
    texts
}

/// The other ways in which milliseconds may have been written for signing.
fn written(millis: &str) -> Vec<String> {
    let (seconds, fraction) = millis.split_at_checked(SECONDS).unwrap_or_default();
    let mut texts = vec![
        seconds.to_owned(),
        format!("{seconds}.{fraction}"),
        format!("{seconds}.{}", fraction.trim_end_matches('0')),
        format!("{seconds}.0"),
        format!("{millis}.0"),
        format!("{millis}000"),
        format!("{millis}000000"),
        format!("{millis} "),
        format!(" {millis}"),
        format!("{millis}\n"),
        format!("\"{millis}\""),
    ];
    let at = seconds
        .parse()
        .ok()
        .map(OffsetDateTime::from_unix_timestamp);
    if let Some(Ok(at)) = at {
        let date = at.date();
        let (hour, minute, second) = at.to_hms();
        let (month, day) = (u8::from(date.month()), date.day());
        let whole = format!(
            "{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}",
            date.year()
        );
        texts.extend([
            format!("{whole}.{fraction}Z"),
            format!("{whole}Z"),
            format!("{whole}.{fraction}+00:00"),
            format!("{whole}+00:00"),
            format!("{whole}.{fraction}000+00:00"),
        ]);
    }
    texts
}

/// Seconds or milliseconds with a fraction, or with an exponent.
fn of_fraction(text: &str) -> Option<String> {
    let is_float = |byte: u8| byte.is_ascii_digit() || b".eE+".contains(&byte);
    if !text.bytes().all(is_float) || !text.contains(['.', 'e', 'E']) {
        return None;
    }
    if let Some((whole, fraction)) = text.split_once('.')
        && is_number(whole)
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        return match whole.len() {
            MILLIS => Some(whole.to_owned()),
            SECONDS => Some(format!("{whole}{}", format!("{fraction:0<3}").get(..3)?)),
            _ => None,
        };
    }
    let millis: f64 = text.parse().ok()?;
    let millis = format!("{millis:.0}");
    (millis.len() == MILLIS).then_some(millis)
}

/// A date as RFC 3339, or as HTTP writes it (RFC 9110 section 5.6.7).
fn of_date(text: &str) -> Option<String> {
    let millis = match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(at) => at
            .unix_timestamp_nanos()
            .checked_div(1_000_000)?
            .to_string(),
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?;
            at.duration_since(UNIX_EPOCH).ok()?.as_millis().to_string()
        }
    };
    (millis.len() == MILLIS && is_number(&millis)).then_some(millis)
}

/// Without blanks and quotes around it.
fn bare(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || "\"'".contains(character))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
