//! `hookward resend`: signs a captured request anew and sends it.
//!
//! What was captured is what hookward received. So it is signed for the public URL of its route, as its sender
//! would have, and what belongs to one connection, or to the old signature, is left out.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use http::uri::Uri;
use secrecy::ExposeSecret;

use super::send::{deliver, destination};
use super::sign::fresh_nonce;
use super::{Failure, ResendArgs, complain_of};
use crate::capture::{Capture, MAX_FILE_BYTES};
use crate::config::{self, Config, Options, RouteConfig, Secrets, VerifyConfig};
use crate::handoff;
use crate::handoff::forwarding;
use crate::http1::fields::{Field, Fields};
use crate::http1::names::{Names, is_like};
use crate::providers::Providers;
use crate::route::pattern::PathPattern;
use crate::route::table::PathTable;
use crate::verify::{self, ApiKeyLocation, Secret, Timestamp, mask_query, with_query_key};
use crate::wipe;

/// What stands for a key in what was recorded.
const MASK: &[u8] = b"***";

/// Headers that are made anew, or that would make the answer unreadable here.
const OURS: Names = Names::new(&["Host", "Content-Length", "Expect", "Accept-Encoding"]);

pub(super) fn resend(args: &ResendArgs) -> Result<(), Failure> {
    let capture = read(&args.capture, args.entry)?;
    refuse_incomplete(&args.capture, &capture)?;
    let options = Options {
        secrets: Secrets::Read,
        providers: Providers::known(),
    };
    let file = &args.file.config;
    let loaded = wipe::on_own_stack(|| config::load(file, options)).map_err(Failure::usage)?;
    let Some(config) = &loaded.config else {
        complain_of(file, &loaded);
        return Err(Failure::SaidUsage);
    };
    let call = Call::of(&capture, config)?;
    let Prepared { target, mut fields } = call.prepare(&capture)?;
    let (url, to) = match (&args.to, &call.origin) {
        (Some(to), _) => (format!("http://app{target}"), Some(to.as_str())),
        (None, Some(_)) => (call.url(&target), None),
        (None, None) => {
            let message = "the route has no public_url, and nothing in the request says where it was sent; say \
                           where to send it with --to";
            return Err(Failure::usage(message));
        }
    };
    // The target is not shown: it may have the key in it by now.
    let url: Uri = destination(&url, to)?.ok_or_else(|| {
        Failure::usage(format_args!(
            "{}: its target, or the host in it, has a character or a length that this command cannot send",
            args.capture.display()
        ))
    })?;
    // A route without public_url learns from Host which URL was called.
    if let Some(host) = call.host() {
        fields.push(("Host".to_owned(), host.into_bytes()));
    }
    deliver(&capture.method, &url, &fields, capture.body.to_vec())
}

fn read(file: &Path, entry: Option<usize>) -> Result<Capture, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::usage(format_args!("cannot read {}: {error}", file.display()))
    };
    let mut bytes = Vec::new();
    let limit = MAX_FILE_BYTES.saturating_add(1);
    let count = if file == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    let count = count.map_err(|error| unreadable(&error))?;
    if u64::try_from(count).is_ok_and(|count| count >= limit) {
        return Err(unreadable(&"it is larger than 64 MiB"));
    }
    Capture::read(&bytes, entry).map_err(|error| unreadable(&error))
}

/// What is not there cannot be sent. Of what was recorded, a body that was in chunks has a length if it is whole.
fn refuse_incomplete(file: &Path, capture: &Capture) -> Result<(), Failure> {
    let is_cut = capture.recorded_at.is_some() && capture.header("Transfer-Encoding").is_some();
    let missing = match capture.missing_bytes {
        Some(bytes) => format!("of the body's {bytes} bytes it has {}", capture.body.len()),
        None if is_cut => "the body is not whole".to_owned(),
        None => return Ok(()),
    };
    Err(Failure::usage(format_args!(
        "{}: {missing}, so that it cannot be sent as it was",
        file.display()
    )))
}

/// A request by the configuration: which route it is for, and how it was called.
struct Call<'a> {
    route: &'a RouteConfig,
    secret: &'a Secret,
    /// The target as hookward receives it.
    target: String,
    /// Scheme and host that are called, where they are known.
    origin: Option<String>,
}

/// What is sent, besides method and body.
struct Prepared {
    target: String,
    fields: Vec<(String, Vec<u8>)>,
}

impl<'a> Call<'a> {
    fn of(capture: &Capture, config: &'a Config) -> Result<Self, Failure> {
        let (origin, target) = split(capture)?;
        let path = target.split('?').next().unwrap_or_default();
        let patterns = config.routes.iter().map(|route| route.path.clone());
        let table = PathTable::new(patterns.zip(&config.routes));
        let (route, target) = match table.find(path.as_bytes()) {
            Some(route) => (*route, target),
            None => by_public_path(&config.routes, &target).ok_or_else(|| {
                let path = path.escape_debug();
                Failure::usage(format_args!(
                    "no route of the configuration has the path {path}"
                ))
            })?,
        };
        let origin = match &route.public_url {
            Some(public) => Some(public.origin().to_owned()),
            None => origin.or_else(|| reported_origin(capture, config)),
        };
        let secret = route.verify.secrets().first();
        let secret = secret.ok_or_else(|| Failure::usage("the route has no secret"))?;
        Ok(Self {
            route,
            secret,
            target,
            origin,
        })
    }

    /// The URL that is called, for a target as hookward receives it.
    fn url(&self, target: &str) -> String {
        match &self.route.public_url {
            Some(public) if public.has_path => {
                let rest = target.get(self.route.path.matched_len()..);
                format!("{}{}", public.base, rest.unwrap_or_default())
            }
            _ => format!("{}{target}", self.origin.as_deref().unwrap_or_default()),
        }
    }

    /// The host that is called, where the configuration does not say it.
    fn host(&self) -> Option<String> {
        if self.route.public_url.is_some() {
            return None;
        }
        let (_, host) = self.origin.as_ref()?.split_once("://")?;
        Some(host.to_owned())
    }

    fn prepare(&self, capture: &Capture) -> Result<Prepared, Failure> {
        let fields = capture.fields.iter();
        let kept = fields.filter(|(name, _)| {
            let name = name.as_bytes();
            !handoff::is_hop_by_hop(name) && !OURS.has_like(name) && !self.is_proof(name)
        });
        let mut fields: Vec<(String, Vec<u8>)> = kept.cloned().collect();
        let mut target = self.target.clone();
        match &self.route.verify {
            VerifyConfig::Signature { provider, .. } => {
                // The strongest that the route accepts.
                let scheme = self.route.verify.schemes().next();
                let scheme = scheme.ok_or_else(|| Failure::usage("the route has no scheme"))?;
                if scheme.signs_uri() && self.origin.is_none() {
                    let message = "the signed URL is not known: the route has no public_url, and nothing in the \
                                   request says which host was called";
                    return Err(Failure::usage(message));
                }
                let signed = verify::sign(
                    (provider, scheme),
                    &self.secret.value,
                    &capture.method,
                    &self.url(&target),
                    &capture.body,
                    &Timestamp::from(SystemTime::now()).to_string(),
                    &fresh_nonce(),
                );
                let signed = signed.into_iter();
                fields.extend(signed.map(|(name, value)| (name.to_owned(), value.into_bytes())));
            }
            VerifyConfig::ApiKey { location, .. } => {
                let key = self.secret.value.expose_secret().as_bytes();
                match location {
                    ApiKeyLocation::Header(name) => {
                        fields.push((name.as_str().to_owned(), key.to_vec()));
                    }
                    ApiKeyLocation::Query(name) => target = with_key(&target, name, key)?,
                }
            }
        }
        self.refuse_masked(&target, &fields)?;
        Ok(Prepared { target, fields })
    }

    /// Whether a header is one that proves the sender, which is made anew.
    fn is_proof(&self, name: &[u8]) -> bool {
        match &self.route.verify {
            VerifyConfig::Signature { provider, .. } => {
                let mut headers = provider.headers.iter().chain(&provider.nonce_header);
                headers.any(|header| is_like(name, header))
            }
            VerifyConfig::ApiKey { location, .. } => match location {
                ApiKeyLocation::Header(header) => is_like(name, header.as_str()),
                ApiKeyLocation::Query(_) => false,
            },
        }
    }

    /// A key that was hidden when the request was recorded, and that this route has none for, is not sent.
    fn refuse_masked(&self, target: &str, fields: &[(String, Vec<u8>)]) -> Result<(), Failure> {
        let is_masked = |value: &[u8]| value.rsplit(u8::is_ascii_whitespace).next() == Some(MASK);
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let masked_pair = mask_query(query.as_bytes(), |_, value| value == MASK)
            == query.as_bytes()
            && query.split('&').any(|pair| pair.ends_with("=***"));
        let masked_field = fields.iter().find(|(_, value)| is_masked(value));
        let place = match masked_field {
            Some((name, _)) => name.as_str(),
            None if masked_pair => "the query",
            None => return Ok(()),
        };
        Err(Failure::usage(format_args!(
            "{place} has `***`, which stands for an API key that was hidden when the request was recorded; route \
             {} expects none there: use the configuration by which it was recorded, or put the key in its place",
            self.route.name
        )))
    }
}

/// Scheme and host, where the capture's target says them, and the target from its path on.
fn split(capture: &Capture) -> Result<(Option<String>, String), Failure> {
    let text = String::from_utf8(capture.target.clone());
    let text = text.map_err(|_| Failure::usage("the target of the request is not text"))?;
    let Some((scheme, rest)) = text.split_once("://").filter(|_| !text.starts_with('/')) else {
        return Ok((capture.origin.clone(), text));
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, target) = rest.split_at_checked(end).unwrap_or_default();
    let slash = if target.starts_with('/') { "" } else { "/" };
    Ok((
        Some(format!("{scheme}://{host}")),
        format!("{slash}{target}"),
    ))
}

/// The route whose `public_url` has the path of a target, and the target as hookward receives it.
fn by_public_path<'a>(
    routes: &'a [RouteConfig],
    target: &str,
) -> Option<(&'a RouteConfig, String)> {
    routes.iter().find_map(|route| {
        let public = route.public_url.as_ref().filter(|public| public.has_path)?;
        let rest = target.strip_prefix(public.path())?;
        let is_it = match &route.path {
            PathPattern::Exact(_) => rest.is_empty() || rest.starts_with('?'),
            PathPattern::Prefix(_) => rest.starts_with('/'),
        };
        let own = match &route.path {
            PathPattern::Exact(path) | PathPattern::Prefix(path) => path,
        };
        is_it.then(|| (route, format!("{own}{rest}")))
    })
}

/// Scheme and host as the request's own headers say them.
fn reported_origin(capture: &Capture, config: &Config) -> Option<String> {
    let fields = capture.fields.iter();
    let fields: Vec<Field<'_>> = fields
        .map(|(name, value)| Field::new(name, value))
        .collect();
    let fields = Fields::from(&*fields);
    let reported = forwarding::reported(fields, config.server.forwarding).unwrap_or_default();
    let host = reported.host.or_else(|| {
        let host = std::str::from_utf8(fields.first("host")?).ok()?;
        Some(host.to_owned())
    })?;
    let own = if config.server.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let scheme = reported.scheme.unwrap_or(own);
    Some(format!(
        "{scheme}://{}",
        config::without_default_port(scheme, &host)
    ))
}

fn with_key(target: &str, name: &str, key: &[u8]) -> Result<String, Failure> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = with_query_key(query.as_bytes(), name, key);
    let query = String::from_utf8(query).map_err(Failure::usage)?;
    Ok(format!("{path}?{query}"))
}
