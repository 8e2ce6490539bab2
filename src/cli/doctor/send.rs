//! `--send`: one signed request for each route, and what became of it.

use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, stream};
use http::Uri;
use secrecy::ExposeSecret;

use super::ask::{Answer, PATIENCE, Question, Unanswered, ask, ask_on, mark};
use super::outcome::{CHECK, Sent, Verified, judge, leaves_open};
use super::ports::{Own, connect_over_tls, upstream_of};
use super::public_url::called;
use super::report::Line;
use super::serving::{Serving, label};
use super::url;
use crate::cli::sign::fresh_nonce;
use crate::config::{Config, ListenAddress, RouteConfig, UpstreamProtocol, VerifyConfig};
use crate::providers;
use crate::upstream::address::UpstreamAddress;
use crate::upstream::connect::Connector;
use crate::verify::provider::Provider;
use crate::verify::{self, ApiKeyLocation, Secret, Timestamp};

const VERDICTS: &str = "hookward_verdicts_total";
/// How many requests are under way at once.
const AT_ONCE: usize = 4;
/// What is sent where nothing is known of the sender.
const BODY: &[u8] = br#"{"from":"hookward doctor"}"#;

/// What a request is sent with.
pub(super) struct Sending<'a> {
    pub(super) config: &'a Config,
    pub(super) connector: &'a Connector,
    pub(super) serving: Option<&'a Serving<'a>>,
    /// Where the hookward that serves was found.
    pub(super) own: &'a [Own],
}

/// A request for a route as its sender makes it.
struct Signed {
    method: String,
    /// What arrives at hookward.
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sending<'_> {
    /// A line for each route.
    pub(super) async fn check(&self) -> Vec<Line> {
        let sent = stream::iter(&self.config.routes).map(|route| self.send(route));
        sent.buffered(AT_ONCE).collect().await
    }

    async fn send(&self, route: &RouteConfig) -> Line {
        let about = format!("route {}", route.name);
        let not_sent = |why: &str, fix: &str| {
            Line::warning(CHECK, about.clone(), format!("not sent: {why}"), fix)
        };
        let Some(secret) = route.verify.secrets().first() else {
            return not_sent("its secret cannot be read", "see the check of secrets");
        };
        let Some(signed) = sign(route, secret) else {
            let why = "what is signed depends on what is in front, for there is no public_url";
            return not_sent(why, "set public_url, or send from outside: hookward send");
        };
        let id = mark();
        let labels = [label("route", &route.name), label("verdict", "verified")];
        let before = match self.serving {
            Some(serving) => serving.sum(VERDICTS, &labels).await,
            None => None,
        };
        let Some((answer, is_direct)) = self.exchange(route, signed, &id).await else {
            let why = "no hookward of this configuration listens here, and there is no public_url";
            return not_sent(why, "start hookward");
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(Unanswered::Connect(_)) if !is_direct => {
                let why = "public_url cannot be reached from here";
                return not_sent(why, "see the check of public-url");
            }
            Err(why) => {
                let text = match why {
                    Unanswered::Connect(error) => format!("not sent: {error}"),
                    Unanswered::Silent => "no answer came".to_owned(),
                };
                return Line::failed(CHECK, about, text, "see hookward's log");
            }
        };
        let verified = match (self.serving, before) {
            (Some(serving), Some(before)) if leaves_open(&answer, is_direct) => {
                if serving.rises(VERDICTS, &labels, before).await {
                    Verified::Counted
                } else {
                    Verified::NotCounted
                }
            }
            _ => Verified::Unseen,
        };
        let sent = Sent {
            id: &id,
            secret,
            is_direct,
            verified,
        };
        judge(about, route, &answer, &sent)
    }

    /// Sends it to the hookward that serves here, else to the public URL. Returns whether it was the former;
    /// `None` where there is neither.
    async fn exchange(
        &self,
        route: &RouteConfig,
        signed: Signed,
        id: &str,
    ) -> Option<(Result<Answer, Unanswered>, bool)> {
        let public = route.public_url.as_ref();
        let public: Option<Uri> = public.and_then(|it| called(it, &route.path).parse().ok());
        let mut question = Question {
            method: signed.method,
            target: signed.target,
            host: public.as_ref().map_or("localhost".to_owned(), url::host_of),
            headers: signed.headers,
            body: signed.body,
            max_answer: 1,
        };
        let marked = ("X-Request-Id".to_owned(), id.to_owned());
        question.headers.push(marked);
        let limit = answer_limit(route);
        if let Some(own) = self.own() {
            let answer = match &own.address {
                ListenAddress::Tcp(address) if own.is_tls => {
                    let tls = self.config.server.tls.as_ref()?;
                    match connect_over_tls(*address, tls.certificates.first()?).await {
                        Some(stream) => ask_on(stream, &question, limit)
                            .await
                            .ok_or(Unanswered::Silent),
                        None => Err(Unanswered::Silent),
                    }
                }
                address => {
                    let upstream = upstream_of(address);
                    ask(self.connector, &upstream, &question, PATIENCE, limit).await
                }
            };
            return Some((answer, true));
        }
        let public = public?;
        let upstream = url::upstream_of(&public)?;
        let upstream = UpstreamAddress::new(&upstream, None, UpstreamProtocol::Http1);
        let query = question.target.split_once('?').map(|(_, query)| query);
        question.target = match query {
            Some(query) => format!("{}?{query}", public.path()),
            None => public.path().to_owned(),
        };
        let answer = ask(self.connector, &upstream, &question, PATIENCE, limit).await;
        Some((answer, false))
    }

    /// The listener that is the easiest to reach.
    fn own(&self) -> Option<&Own> {
        let tls = self.config.server.tls.as_ref();
        let wants_certificate = tls.is_some_and(|tls| tls.client_ca.is_some());
        let usable = self
            .own
            .iter()
            .filter(|own| !own.is_tls || !wants_certificate);
        usable.min_by_key(|own| own.is_tls)
    }
}

/// How long the answer may take: as long as hookward may wait for the app, and a little more.
fn answer_limit(route: &RouteConfig) -> Duration {
    let app = route
        .upstream_timeout
        .saturating_add(route.upstream_connect_timeout);
    app.saturating_add(PATIENCE)
}

/// A request as the route's sender makes it. `None` where the URL is signed and not known.
fn sign(route: &RouteConfig, secret: &Secret) -> Option<Signed> {
    let post = route
        .methods
        .iter()
        .find(|method| **method == http::Method::POST);
    let method = post.or(route.methods.first())?.as_str().to_owned();
    let mut target = route.path.beginning();
    let has_body = !matches!(&*method, "GET" | "HEAD" | "DELETE");
    let mut headers = Vec::new();
    if has_body {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    let body = |sender: Option<&Provider>| {
        let sample = sender.and_then(|sender| sender.samples.first());
        let body = sample.map_or_else(
            || BODY.to_vec(),
            |sample| providers::fresh(sample, SystemTime::now()),
        );
        if has_body { body } else { Vec::new() }
    };
    let body = match &route.verify {
        VerifyConfig::Signature { provider, .. } => {
            let public = route.public_url.as_ref();
            let mut schemes = route.verify.schemes();
            let scheme = schemes.find(|scheme| public.is_some() || !scheme.signs_uri())?;
            let url = public.map_or(String::new(), |public| called(public, &route.path));
            let now = Timestamp::from(SystemTime::now()).to_string();
            let body = body(Some(provider));
            let signature = verify::sign(
                (provider, scheme),
                &secret.value,
                &method,
                &url,
                &body,
                &now,
                &fresh_nonce(),
            );
            let signature = signature.into_iter();
            headers.extend(signature.map(|(name, value)| (name.to_owned(), value)));
            body
        }
        VerifyConfig::ApiKey {
            location, sender, ..
        } => {
            let key = secret.value.expose_secret();
            match location {
                ApiKeyLocation::Header(name) => headers.push((name.to_string(), key.to_owned())),
                ApiKeyLocation::Query(name) => {
                    target = format!("{target}?{}={}", escaped(name), escaped(key));
                }
            }
            body(*sender)
        }
    };
    Some(Signed {
        method,
        target,
        headers,
        body,
    })
}

/// A text as it can stand in a query (RFC 3986 section 2.3).
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => {
                escaped.push('%');
                escaped.push_str(&hex::encode_upper([byte]));
            }
        }
    }
    escaped
}
