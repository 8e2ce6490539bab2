//! Requests of hookward's own: to apps, to itself, to whoever is at a public URL.
//!
//! Connections are made as those of verified requests are, with the same look-ups and the same proof by
//! certificates, so that what fails here fails there.

use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use pingora::http::RequestHeader;
use pingora::protocols::Stream;
use pingora::protocols::http::v1::client::HttpSession;
use tokio::time::{timeout, timeout_at};

use crate::time_limit::after;
use crate::upstream::address::UpstreamAddress;
use crate::upstream::connect::Connector;
use crate::upstream::connect_error::ConnectError;

/// How long anything may take that has no time limit of its own.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The header by which an app knows a request as the doctor's. What is in front of hookward may give a request
/// another `X-Request-Id`, and hookward removes what begins with `X-Hookward-`; this one passes.
const MARK: (&str, &str) = ("Hookward-Doctor", "1");
/// How many informational answers are read.
const MAX_HEADS: usize = 16;

/// A request.
pub(super) struct Question {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) host: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// How much of the answer's body is read, in bytes.
    pub(super) max_answer: usize,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// When the request was begun, and when the answer's head was there.
    pub(super) asked_at: SystemTime,
    pub(super) answered_at: SystemTime,
}

/// Why there is no answer.
pub(super) enum Unanswered {
    Connect(ConnectError),
    /// There is a connection, and nothing came that is an answer.
    Silent,
}

impl Question {
    /// A request that asks for nothing to be changed, with an id by which it is found in logs.
    pub(super) fn head(target: impl Into<String>, host: impl Into<String>) -> Self {
        Self {
            method: "HEAD".to_owned(),
            target: target.into(),
            host: host.into(),
            headers: vec![("X-Request-Id".to_owned(), mark())],
            body: Vec::new(),
            max_answer: 0,
        }
    }

    fn header(&self) -> pingora::Result<Box<RequestHeader>> {
        let target = self.target.as_bytes();
        let mut header = RequestHeader::build(self.method.as_str(), target, None)?;
        header.insert_header("Host", &self.host)?;
        let agent = concat!("hookward-doctor/", env!("CARGO_PKG_VERSION"));
        header.insert_header("User-Agent", agent)?;
        header.insert_header(MARK.0, MARK.1)?;
        for (name, value) in &self.headers {
            header.append_header(name.clone(), value.as_str())?;
        }
        if !matches!(&*self.method, "GET" | "HEAD") || !self.body.is_empty() {
            header.insert_header("Content-Length", self.body.len().to_string())?;
        }
        header.insert_header("Connection", "close")?;
        Ok(Box::new(header))
    }
}

impl Answer {
    /// The value of a header, where it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether it has the form of hookward's own answers: a status and nothing to read. Proxies on the way
    /// may have added headers.
    pub(super) fn is_bare(&self) -> bool {
        let length = self.headers.get(CONTENT_LENGTH);
        self.body.is_empty()
            && !self.headers.contains_key(CONTENT_TYPE)
            && length.is_none_or(|length| length == "0")
    }
}

/// A name for a request by which it is found in logs.
pub(super) fn mark() -> String {
    format!("hookward-doctor-{}", hex::encode(rand::random::<[u8; 8]>()))
}

/// Connects to `upstream` within `connecting` and asks; the answer may take `answering`.
pub(super) async fn ask(
    connector: &Connector,
    upstream: &UpstreamAddress,
    question: &Question,
    connecting: Duration,
    answering: Duration,
) -> Result<Answer, Unanswered> {
    let deadline = after(connecting);
    // A look-up holds its thread for as long as the system likes; it is not waited for.
    let connected = timeout_at(deadline, connector.connect(upstream, false, deadline)).await;
    let connected = connected.map_err(|_| Unanswered::Silent)?;
    let connected = connected.map_err(Unanswered::Connect)?;
    let answer = ask_on(connected.stream, question, answering).await;
    answer.ok_or(Unanswered::Silent)
}

/// Asks on a connection. `None` where no answer comes within `limit`.
pub(super) async fn ask_on(stream: Stream, question: &Question, limit: Duration) -> Option<Answer> {
    let asking = exchange(stream, question);
    timeout(limit, Box::pin(asking)).await.ok()?.ok()
}

async fn exchange(stream: Stream, question: &Question) -> pingora::Result<Answer> {
    let mut session = HttpSession::new(stream);
    let asked_at = SystemTime::now();
    session.write_request_header(question.header()?).await?;
    if !question.body.is_empty() {
        session.write_body(&question.body).await?;
    }
    session.finish_body().await?;
    for _ in 0..MAX_HEADS {
        session.read_response().await?;
        let head = session.resp_header();
        if head.is_some_and(|head| !head.status.is_informational()) {
            break;
        }
    }
    let answered_at = SystemTime::now();
    let (status, headers) = match session.resp_header() {
        Some(head) => (head.status.as_u16(), head.headers.clone()),
        None => (0, HeaderMap::new()),
    };
    let mut body = BytesMut::new();
    // One byte tells whether there is a body at all.
    while body.len() < question.max_answer.max(1)
        && let Some(piece) = session.read_body_ref().await?
    {
        body.extend_from_slice(piece);
    }
    Ok(Answer {
        status,
        headers,
        body: body.to_vec(),
        asked_at,
        answered_at,
    })
}
