//! Judging a capture with the very code that judges requests, and examining it where it does not verify.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Buf, BytesMut};

use super::super::Failure;
use super::settings::Settings;
use crate::active::{ActiveConfig, Route};
use crate::capture::Capture;
use crate::config::{Config, VerifyConfig};
use crate::explain::{
    Answer, Case, Keys, Question, RouteFacts, SignedPart, Told, examine, no_route, told_of_key,
};
use crate::http1::head;
use crate::observe::metrics::{self, Metrics};
use crate::os::descriptors::Descriptors;
use crate::peer::Peer;
use crate::reason::Reason;
use crate::request::admission::Admission;
use crate::request::body::{BodyError, Left, RequestBody};
use crate::request::budget::Budget;
use crate::request::refusal::Refusal;
use crate::request::turns::Turns;
use crate::verify::Timestamp;
use crate::wipe;

/// How a capture was judged, and what there is to say about it.
pub(super) struct Judgement {
    /// Why it was refused; none if it verifies.
    pub(super) reason: Option<Reason>,
    /// It is let through all the same, by `enforce = false`.
    pub(super) is_unenforced: bool,
    /// Why it is no request that can be read.
    pub(super) detail: Option<&'static str>,
    pub(super) route: Option<Arc<str>>,
    pub(super) scheme: &'static str,
    /// What time it was.
    pub(super) now: Timestamp,
    /// The id of the secret that matched.
    pub(super) secret: Option<Arc<str>>,
    /// What was hashed.
    pub(super) signed: Vec<SignedPart>,
    pub(super) answer: Answer,
}

impl Judgement {
    pub(super) fn is_verified(&self) -> bool {
        self.reason.is_none()
    }

    /// The verdict, in the word that metrics have for it.
    pub(super) fn verdict(&self) -> &'static str {
        match (self.reason, self.is_unenforced) {
            (None, _) => "verified",
            (Some(_), false) => "rejected",
            (Some(_), true) => "unenforced",
        }
    }
}

/// What came of admission.
struct Verdict {
    reason: Option<Reason>,
    is_unenforced: bool,
    detail: Option<&'static str>,
    route: Option<Arc<Route>>,
    scheme: &'static str,
    secret: Option<Arc<str>>,
    url: Option<Vec<u8>>,
}

/// Judges a capture as if it had been received at `now`.
pub(super) fn judge(
    capture: &Capture,
    settings: &Settings,
    now: Timestamp,
) -> Result<Judgement, Failure> {
    let config = &settings.config;
    let metrics = Metrics::new().map_err(Failure::failed)?;
    let active = wipe::on_own_stack(|| ActiveConfig::new(config, &metrics, None));
    let verdict = verdict_on(capture, settings, &active, now)?;
    let keys = wipe::on_own_stack(|| Keys::of(config));
    let case = case_of(capture, settings, &verdict, &keys, now);
    let mut answer = Answer::default();
    let mut signed = Vec::new();
    if let Some(case) = &case {
        signed = case.signed();
        if let Some(reason) = verdict.reason {
            answer = examine(case, reason, &mut || {});
        }
    } else if let Some(reason) = verdict.reason {
        answer.findings.extend(match reason {
            Reason::NoRoute => meant(capture, config),
            _ => of_key(capture, config, &verdict, reason),
        });
    }
    Ok(Judgement {
        reason: verdict.reason,
        is_unenforced: verdict.is_unenforced,
        detail: verdict.detail,
        route: verdict.route.map(|route| Arc::clone(&route.name)),
        scheme: verdict.scheme,
        now,
        secret: verdict.secret,
        signed,
        answer,
    })
}

fn verdict_on(
    capture: &Capture,
    settings: &Settings,
    active: &ActiveConfig,
    now: Timestamp,
) -> Result<Verdict, Failure> {
    // As the listener that is there: a capture in origin form does not say by which one it came.
    let has_tls = settings.config.server.tls.is_some();
    let is_tls = match &capture.origin {
        Some(origin) => origin.starts_with("https://"),
        None => has_tls,
    };
    let bytes = head_of(capture, &capture.target);
    let error = match head::read(&bytes) {
        Ok(head) => return admit(&head, capture, is_tls, active, now),
        Err(error) => error,
    };
    // A target with blanks ends at the first of them for whoever reads it. Its route is the one that it would
    // have without its mistake: escaped, as it was called.
    let escaped = without_blanks(&capture.target);
    let bytes = head_of(capture, &escaped);
    let mended = head::read(&bytes)
        .ok()
        .filter(|_| escaped != capture.target);
    let (reason, mended) = match mended {
        Some(head) => {
            let mended = admit(&head, capture, is_tls, active, now)?;
            (Reason::BadTarget, Some(mended))
        }
        None => (Reason::BadRequest, None),
    };
    let route = mended.and_then(|mended| mended.route);
    let label = |route: &Arc<Route>| route.verifier.initial_label();
    Ok(Verdict {
        reason: Some(reason),
        is_unenforced: false,
        detail: Some(error.as_str()),
        scheme: route.as_ref().map_or(metrics::NONE, label),
        secret: None,
        url: None,
        route,
    })
}

/// A target with its blanks as they are written in one.
fn without_blanks(target: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(target.len());
    for byte in target {
        match byte {
            b' ' => escaped.extend_from_slice(b"%20"),
            b'\t' => escaped.extend_from_slice(b"%09"),
            other => escaped.push(*other),
        }
    }
    escaped
}

/// The head as it would be received. A capture is judged by the body that is there.
fn head_of(capture: &Capture, target: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    for part in [capture.method.as_bytes(), b" ", target, b" HTTP/1.1\r\n"] {
        bytes.extend_from_slice(part);
    }
    let is_framing = |name: &str| {
        name.eq_ignore_ascii_case("content-length")
            || name.eq_ignore_ascii_case("transfer-encoding")
    };
    for (name, value) in &capture.fields {
        if !is_framing(name) {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        }
    }
    let has_host = capture.header("host").is_some();
    let host = capture
        .origin
        .as_deref()
        .and_then(|origin| origin.split("://").nth(1));
    if let Some(host) = host.filter(|_| !has_host) {
        bytes.extend_from_slice(format!("Host: {host}\r\n").as_bytes());
    }
    let length = format!("Content-Length: {}\r\n\r\n", capture.body.len());
    bytes.extend_from_slice(length.as_bytes());
    bytes
}

fn admit(
    head: &head::Head<'_>,
    capture: &Capture,
    is_tls: bool,
    active: &ActiveConfig,
    now: Timestamp,
) -> Result<Verdict, Failure> {
    let budget = Budget::new(u64::MAX >> 1);
    let descriptors = Descriptors::new(1);
    let admission = Admission {
        active,
        budget: &budget,
        turns: &Turns::new(1),
        replay: None,
        descriptors: &descriptors,
        peer_text: "",
        // A capture has no peer.
        is_trusted: true,
        is_tls,
        head,
        request_id: "",
        received_at: Instant::now(),
        now,
    };
    let mut body = Whole(&capture.body);
    let mut reservation = budget.reserve_nothing(Peer::Unix);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(Failure::failed)?;
    let judging = admission.judge(&mut body, &mut reservation, 0);
    let judged = runtime.block_on(async { pin!(judging).await });
    Ok(match judged {
        Ok(admitted) => {
            let permit = admitted.permitted.permit();
            let waived = permit.waived_reason();
            Verdict {
                reason: waived,
                is_unenforced: waived.is_some(),
                detail: None,
                scheme: permit.scheme(),
                secret: permit.proof().map(|proof| Arc::clone(&proof.secret)),
                url: admission.called_url(&admitted.route),
                route: Some(admitted.route),
            }
        }
        Err(refusal) => Verdict {
            reason: Some(refusal.reason),
            is_unenforced: false,
            detail: None,
            scheme: refusal.scheme,
            secret: None,
            url: refusal
                .route
                .as_ref()
                .and_then(|route| admission.called_url(route))
                .or_else(|| refused_url(&refusal, capture)),
            route: refusal.route,
        },
    })
}

/// The URL that was called for a host that is refused.
fn refused_url(refusal: &Refusal, capture: &Capture) -> Option<Vec<u8>> {
    let host = refusal.public_host()?.as_bytes();
    Some([b"https://".as_slice(), host, &capture.target].concat())
}

/// A body that is there.
struct Whole<'a>(&'a [u8]);

impl RequestBody for Whole<'_> {
    fn left(&self) -> Left {
        Left::Exactly(u64::try_from(self.0.len()).unwrap_or(u64::MAX))
    }

    fn poll_read(
        &mut self,
        _context: &mut Context<'_>,
        room: &mut BytesMut,
    ) -> Poll<Result<usize, BodyError>> {
        let capacity = room.capacity().saturating_sub(room.len());
        let count = capacity.min(self.0.len());
        room.extend_from_slice(self.0.get(..count).unwrap_or_default());
        self.0.advance(count);
        Poll::Ready(Ok(count))
    }
}

fn case_of<'a>(
    capture: &'a Capture,
    settings: &Settings,
    verdict: &Verdict,
    keys: &'a Keys,
    now: Timestamp,
) -> Option<Case<'a>> {
    let config = &settings.config;
    let name = &verdict.route.as_ref()?.name;
    let route = config.routes.iter().find(|route| route.name == *name)?;
    let VerifyConfig::Signature { provider, .. } = &route.verify else {
        return None;
    };
    let others = RouteFacts::other_urls(route, config).into_iter();
    Case::new(Question {
        capture,
        provider,
        accepted: route.verify.schemes().collect(),
        label: verdict.scheme,
        url: verdict.url.clone(),
        keys,
        route: RouteFacts::of(route, config),
        other_urls: others.chain(settings.captured_url.clone()).collect(),
        now,
    })
}

/// What there is to tell of a request to a route that takes a key.
fn of_key(capture: &Capture, config: &Config, verdict: &Verdict, reason: Reason) -> Option<Told> {
    let name = &verdict.route.as_ref()?.name;
    let route = config.routes.iter().find(|route| route.name == *name)?;
    match &route.verify {
        VerifyConfig::ApiKey { location, .. } => told_of_key(capture, name, location, reason),
        VerifyConfig::Signature { .. } => None,
    }
}

/// Which route a path was meant for that has none.
fn meant(capture: &Capture, config: &Config) -> Option<Told> {
    let path = capture.target.split(|byte| *byte == b'?').next()?;
    let path = std::str::from_utf8(path).ok()?;
    let written: Vec<(&str, String)> = config
        .routes
        .iter()
        .map(|route| (&*route.name, route.path.to_string()))
        .collect();
    let paths: Vec<(&str, &str)> = written
        .iter()
        .map(|(name, path)| (*name, &**path))
        .collect();
    no_route::told(path, &paths)
}
