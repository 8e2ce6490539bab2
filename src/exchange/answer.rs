//! The app's answer as the sender gets it: without the headers that are for one connection alone (RFC 9110
//! section 7.6.1). The sender's connection decides how the body is framed; everything else goes on as it
//! came.

use std::time::{Duration, SystemTime};

use http::header::{CONNECTION, CONTENT_LENGTH, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderName, StatusCode};
use pingora::http::ResponseHeader;

use crate::config::RetryAfter;
use crate::handoff;
use crate::http1::retry_after;
use crate::upstream::failure::Failure;

/// How much body an answer has (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyLength {
    /// There is no body, whatever the header says.
    Empty,
    /// This many bytes.
    Known(u64),
    /// The app did not say how many.
    Unknown,
}

/// The head of an answer on its way to a sender.
pub(crate) struct AnswerHead<'a> {
    app: &'a ResponseHeader,
    pub(crate) body: BodyLength,
    nominated: Vec<HeaderName>,
    /// The value of `Retry-After`, where it is passed on in milliseconds.
    retry_after_millis: Option<u64>,
}

impl<'a> AnswerHead<'a> {
    /// The head of the app's answer. `is_head`: the request's method was `HEAD`. `retry_after`: how the route
    /// passes `Retry-After` on.
    pub(crate) fn new(
        app: &'a ResponseHeader,
        is_head: bool,
        retry_after: RetryAfter,
    ) -> Result<Self, Failure> {
        Ok(Self {
            app,
            body: body_length(app, is_head)?,
            nominated: nominated(app),
            retry_after_millis: retry_after_millis(app, retry_after),
        })
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.app.status
    }

    /// The reason phrase.
    pub(crate) fn reason_phrase(&self) -> &str {
        self.app.get_reason_phrase().unwrap_or_default()
    }

    /// How long the app wants to be left alone, at the time `now`.
    pub(crate) fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        only_retry_after(self.app, now).map(Duration::from_millis)
    }

    /// Gives the header fields to `take`, in their order and spelling, less those of the connection to the
    /// app. `Content-Length` is among them only where it does not say how the body is delimited.
    pub(crate) fn each_field(&self, mut take: impl FnMut(&[u8], &[u8])) {
        let is_informational = self.status().is_informational();
        let bodiless = is_informational || self.status() == StatusCode::NO_CONTENT;
        // Over HTTP/2 there is no other spelling than small letters.
        let mut spellings = self.app.case_header_iter();
        for (name, value) in &self.app.headers {
            let spelt = spellings.next().map(|(spelt, _)| spelt.as_slice());
            let spelt = spelt.unwrap_or(name.as_str().as_bytes());
            let is_length = *name == CONTENT_LENGTH;
            if handoff::is_hop_by_hop(name.as_str().as_bytes())
                || self.nominated.contains(name)
                || (is_length && (bodiless || matches!(self.body, BodyLength::Known(_))))
                || (self.retry_after_millis.is_some() && *name == RETRY_AFTER)
            {
                continue;
            }
            take(spelt, value.as_bytes());
        }
        if let Some(millis) = self.retry_after_millis {
            take(b"Retry-After", millis.to_string().as_bytes());
        }
    }
}

fn body_length(answer: &ResponseHeader, is_head: bool) -> Result<BodyLength, Failure> {
    let status = answer.status;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Failure::Switched);
    }
    if status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || is_head
    {
        return Ok(BodyLength::Empty);
    }
    let mut codings = answer.headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = match (codings.next(), codings.next()) {
        (None, _) => false,
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => true,
        _ => return Err(Failure::TransferCoding),
    };
    let length = answer.headers.get(CONTENT_LENGTH).filter(|_| !is_chunked);
    let Some(length) = length else {
        return Ok(BodyLength::Unknown);
    };
    // Pingora lets through a number, or the same number several times.
    let first = length.as_bytes().split(|byte| *byte == b',').next();
    let first = first.and_then(|first| std::str::from_utf8(first).ok());
    let length = first.and_then(|first| first.trim().parse().ok());
    length.map(BodyLength::Known).ok_or(Failure::Length)
}

/// The headers that the app's `Connection` header names.
fn nominated(answer: &ResponseHeader) -> Vec<HeaderName> {
    answer
        .headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok())
        .collect()
}

/// The value of `Retry-After` in milliseconds, where the route says that the app means seconds.
fn retry_after_millis(answer: &ResponseHeader, retry_after: RetryAfter) -> Option<u64> {
    if retry_after != RetryAfter::SecondsToMs || answer.status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    only_retry_after(answer, SystemTime::now())
}

/// The answer's `Retry-After` in milliseconds from `now`, where it has one alone.
fn only_retry_after(answer: &ResponseHeader, now: SystemTime) -> Option<u64> {
    let mut values = answer.headers.get_all(RETRY_AFTER).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => retry_after::millis(value.as_bytes(), now),
        _ => None,
    }
}
