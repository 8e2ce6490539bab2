//! `hookward send`: signs a request and sends it.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use http::uri::{PathAndQuery, Uri};
use ureq::Agent;
use ureq::config::AutoHeaderValue;

use super::sign::{SchemeChoice, Signed};
use super::{Failure, SendArgs};
use crate::providers;

/// Time limit for the whole exchange, connecting included.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The largest body of an answer that is read.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

pub(super) fn send(args: &SendArgs) -> Result<(), Failure> {
    let body = match &args.event {
        Some(event) => Some(sample(args.sign.scheme, event)?),
        None => None,
    };
    let mut signed = Signed::from_args(&args.sign, body)?;
    let url = destination(&args.sign.url, args.to.as_deref())?
        .ok_or_else(|| Failure::usage("--url: expected an http or https URL"))?;
    if !signed.body.is_empty() {
        let media_type = ("Content-Type", "application/json".to_owned());
        signed.headers.push(media_type);
    }
    let agent = concat!("hookward/", env!("CARGO_PKG_VERSION")).to_owned();
    signed.headers.push(("User-Agent", agent));
    deliver(&args.sign.method, &url, &signed.headers, signed.body)
}

/// The body of an event, as the provider of a scheme sends it.
fn sample(scheme: SchemeChoice, event: &str) -> Result<Vec<u8>, Failure> {
    let samples = scheme.samples();
    match samples.iter().find(|sample| sample.name == event) {
        Some(sample) => Ok(providers::fresh(sample, SystemTime::now())),
        None => {
            let known: Vec<&str> = samples.iter().map(|sample| sample.name).collect();
            Err(Failure::usage(format_args!(
                "--event: expected one of {}",
                known.join(", ")
            )))
        }
    }
}

/// Sends a request and prints the answer. Any but a 2xx is a failure.
pub(super) fn deliver(
    method: &str,
    url: &Uri,
    headers: &[(impl AsRef<str>, impl AsRef<[u8]>)],
    body: Vec<u8>,
) -> Result<(), Failure> {
    let answer = exchange(method, url, headers, body)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", answer.status)
        .and_then(|()| out.write_all(&answer.body))
        .and_then(|()| writeln!(out))
        .map_err(Failure::failed)?;
    if answer.status.is_success() {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}

/// Where to send a request that is signed for the URL `signed`: there, or to the URL `to`, with the path
/// and query of `signed` if it has none itself. `None` if `signed` is no URL that can be called.
///
/// # Errors
/// `to` is none.
pub(super) fn destination(signed: &str, to: Option<&str>) -> Result<Option<Uri>, Failure> {
    let parse = |url: &str| {
        let uri = url.parse::<Uri>().ok();
        uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
    };
    let signed = parse(signed);
    let (Some(signed), Some(to)) = (&signed, to) else {
        return Ok(signed);
    };
    let to = parse(to).ok_or_else(|| Failure::usage("--to: expected an http or https URL"))?;
    let is_origin = to
        .path_and_query()
        .is_none_or(|target| target.as_str() == "/");
    if !is_origin {
        return Ok(Some(to));
    }
    let mut parts = to.into_parts();
    parts.path_and_query = signed
        .path_and_query()
        .cloned()
        .or_else(|| Some(PathAndQuery::from_static("/")));
    Uri::from_parts(parts).map(Some).map_err(Failure::usage)
}

/// The answer to a request that was sent.
pub(super) struct Answer {
    pub(super) status: http::StatusCode,
    pub(super) body: Vec<u8>,
}

/// Sends one request, with these headers and those that HTTP/1.1 needs, and reads the answer, whatever its
/// status.
pub(super) fn exchange(
    method: &str,
    url: &Uri,
    headers: &[(impl AsRef<str>, impl AsRef<[u8]>)],
    body: Vec<u8>,
) -> Result<Answer, Failure> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .allow_non_standard_methods(true)
        .user_agent(AutoHeaderValue::None)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .timeout_global(Some(TIMEOUT))
        .build()
        .into();
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(name.as_ref(), value.as_ref());
    }
    let describe = |error: ureq::Error| {
        let origin = origin(url);
        match error {
            // The text of these has the URL in it.
            ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) => Failure::failed(
                format_args!("cannot send to {origin}: the URL is not usable"),
            ),
            error => Failure::failed(format_args!("cannot send to {origin}: {error}")),
        }
    };
    let response = if body.is_empty() && matches!(method, "GET" | "HEAD") {
        agent.run(request.body(()).map_err(Failure::usage)?)
    } else {
        agent.run(request.body(body).map_err(Failure::usage)?)
    };
    let mut response = response.map_err(describe)?;
    let status = response.status();
    let body = response
        .body_mut()
        .with_config()
        .limit(MAX_ANSWER_BYTES)
        .read_to_vec()
        .map_err(describe)?;
    Ok(Answer { status, body })
}

/// Where a URL leads, for messages: without user and password, path and query.
fn origin(url: &Uri) -> String {
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    format!(
        "{}://{}{port}",
        url.scheme_str().unwrap_or_default(),
        url.host().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_neither_the_password_nor_the_query_of_a_url() {
        for (url, expected) in [
            (
                "http://user:password@a.example:8080/b?key=c",
                "http://a.example:8080",
            ),
            ("https://user@a.example", "https://a.example"),
            ("http://[::1]:80/", "http://[::1]:80"),
        ] {
            assert_eq!(origin(&url.parse().unwrap()), expected);
        }
    }
}
