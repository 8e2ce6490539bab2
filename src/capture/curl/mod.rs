//! `curl` command lines, as browsers and other tools copy them and as people type them: the request that `curl`
//! would send.
//!
//! No file is read: what the command takes from one is an error that says so.

mod ansi;
mod options;
mod split;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::options::Meaning;
use super::url::{Url, form_encode, percent_decode};
use super::{Capture, CaptureError, field_name, method};

pub(super) fn read(text: &[u8]) -> Result<Capture, CaptureError> {
    let words = split::words(text)?;
    let arguments = words.get(1..).unwrap_or_default();
    let mut command = Command::default();
    for (meaning, value) in options::read(arguments)? {
        command.take(meaning, value)?;
    }
    command.request()
}

/// A header's name and value. One without a value is not to be sent.
type Header = (String, Option<Vec<u8>>);

/// What the options say.
#[derive(Default)]
struct Command<'a> {
    method: Option<&'a [u8]>,
    headers: Vec<Header>,
    data: Option<Vec<u8>>,
    is_json: bool,
    is_query: bool,
    is_head: bool,
    query: Vec<Vec<u8>>,
    user: Option<&'a [u8]>,
    bearer: Option<&'a [u8]>,
    agent: Option<&'a [u8]>,
    referer: Option<&'a [u8]>,
    cookies: Vec<&'a [u8]>,
    url: Option<&'a [u8]>,
    target: Option<&'a [u8]>,
}

impl<'a> Command<'a> {
    fn take(&mut self, meaning: Meaning, value: &'a [u8]) -> Result<(), CaptureError> {
        match meaning {
            Meaning::Method => self.method = Some(value),
            Meaning::Header => self.headers.extend(header(value)?),
            Meaning::Data => self.add_data(not_of_a_file(value)?, b"&"),
            Meaning::RawData => self.add_data(value, b"&"),
            Meaning::Json => {
                self.is_json = true;
                self.add_data(not_of_a_file(value)?, b"");
            }
            Meaning::UrlEncoded => self.add_data(&url_encoded(value)?, b"&"),
            Meaning::DataIsQuery => self.is_query = true,
            Meaning::QueryPart => self.query.push(match value.strip_prefix(b"+") {
                Some(encoded) => encoded.to_vec(),
                None => url_encoded(value)?,
            }),
            Meaning::Head => self.is_head = true,
            Meaning::User => self.user = Some(value),
            Meaning::Bearer => self.bearer = Some(value),
            Meaning::Agent => self.agent = Some(value),
            Meaning::Referer => {
                let url = value.strip_suffix(b";auto").unwrap_or(value);
                self.referer = Some(url);
            }
            // Without a `=` it is the name of a file; what cookies are in it decides nothing.
            Meaning::Cookie if value.contains(&b'=') => self.cookies.push(value),
            Meaning::Url if self.url.is_some() => {
                let text = "the curl command has several URLs: leave the one that is meant, and put those with \
                            blanks into quotes";
                return Err(CaptureError::malformed(text));
            }
            Meaning::Url => self.url = Some(value),
            Meaning::Target => self.target = Some(value),
            Meaning::Cookie | Meaning::Switch | Meaning::Value | Meaning::Untold(_) => {}
        }
        Ok(())
    }

    fn add_data(&mut self, more: &[u8], separator: &[u8]) {
        if let Some(data) = &mut self.data {
            data.extend_from_slice(separator);
            data.extend_from_slice(more);
        } else {
            self.data = Some(more.to_vec());
        }
    }

    fn request(mut self) -> Result<Capture, CaptureError> {
        let no_url = || CaptureError::malformed("the curl command has no URL of http or https");
        let url = self.url.filter(|url| !url.is_empty()).ok_or_else(no_url)?;
        let url = match memchr::memmem::find(url, b"://") {
            Some(_) => url.to_vec(),
            None => [b"http://", url].concat(),
        };
        let url = Url::split(&url).ok_or_else(no_url)?;
        if self.is_query {
            self.query.extend(self.data.take());
        }
        let method = match self.method {
            Some(name) => method(name),
            None if self.is_head => method(b"HEAD"),
            None if self.data.is_some() => method(b"POST"),
            None => method(b"GET"),
        };
        let method = method
            .ok_or_else(|| CaptureError::malformed("the curl command's `-X` has no method"))?;
        Ok(Capture {
            method,
            fields: self.fields(&url),
            origin: Some(url.origin()),
            target: match self.target {
                Some(target) => target.to_vec(),
                None => with_query(url.target, &self.query),
            },
            body: self.data.unwrap_or_default().into(),
            ..Capture::default()
        })
    }

    /// Those that `curl` adds, as far as they do not depend on its version, and those of the command.
    fn fields(&self, url: &Url<'_>) -> Vec<(String, Vec<u8>)> {
        let own = |name: &str, value: Option<Vec<u8>>| {
            let mut given = self.headers.iter();
            let is_given = given.any(|(other, _)| other.eq_ignore_ascii_case(name));
            value
                .filter(|_| !is_given)
                .map(|value| (name.to_owned(), value))
        };
        let text =
            |value: Option<&[u8]>| value.filter(|value| !value.is_empty()).map(<[u8]>::to_vec);
        let cookies = (!self.cookies.is_empty()).then(|| self.cookies.join(&b"; "[..]));
        let (media_type, accept) = match (&self.data, self.is_json) {
            (None, _) => (None, None),
            (Some(_), true) => (Some("application/json"), Some("application/json")),
            (Some(_), false) => (Some("application/x-www-form-urlencoded"), None),
        };
        let constant = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
        let own = [
            own("Host", Some(url.host().as_bytes().to_vec())),
            own("Authorization", self.authorization(url)),
            own("User-Agent", text(self.agent)),
            own("Accept", constant(accept)),
            own("Referer", text(self.referer)),
            own("Cookie", cookies),
            own("Content-Type", constant(media_type)),
        ];
        let given = self.headers.iter().cloned();
        let given = given.filter_map(|(name, value)| Some((name, value?)));
        own.into_iter().flatten().chain(given).collect()
    }

    fn authorization(&self, url: &Url<'_>) -> Option<Vec<u8>> {
        if let Some(token) = self.bearer {
            return Some([b"Bearer ", token].concat());
        }
        let user = match (self.user, url.user) {
            (Some(user), _) => user.to_vec(),
            (None, user) => percent_decode(user?),
        };
        let colon = if user.contains(&b':') { "" } else { ":" };
        let encoded = STANDARD.encode([&user, colon.as_bytes()].concat());
        Some(format!("Basic {encoded}").into_bytes())
    }
}

/// A header as `curl` takes it: `Name: value`, `Name:` for one that is not sent, `Name;` for an empty one.
fn header(text: &[u8]) -> Result<Option<Header>, CaptureError> {
    if text.starts_with(b"@") {
        return Err(CaptureError::malformed(
            "the curl command's `-H @…` takes headers from a file, which is not read: write each with a `-H` of \
             its own",
        ));
    }
    let mut halves = text.splitn(2, |byte| *byte == b':');
    let name = halves.next().unwrap_or_default().trim_ascii();
    let (name, value) = match (
        halves.next().map(<[u8]>::trim_ascii),
        name.strip_suffix(b";"),
    ) {
        (Some(b""), _) => (name, None),
        (Some(value), _) => (name, Some(value.to_vec())),
        (None, Some(name)) => (name, Some(Vec::new())),
        // `curl` leaves it out.
        (None, None) => return Ok(None),
    };
    let has_line_end = value
        .as_ref()
        .is_some_and(|value| memchr::memchr2(b'\r', b'\n', value).is_some());
    match field_name(name).filter(|_| !has_line_end) {
        Some(name) => Ok(Some((name, value))),
        None => Err(CaptureError::malformed(
            "the curl command has a `-H` that is no header (`Name: value`)",
        )),
    }
}

fn not_of_a_file(data: &[u8]) -> Result<&[u8], CaptureError> {
    if data.starts_with(b"@") {
        return Err(body_of_a_file());
    }
    Ok(data)
}

fn body_of_a_file() -> CaptureError {
    CaptureError::malformed(
        "the curl command takes the body from a file (`@…`), which is not read: write the file's content as \
         `--data-raw '…'`, or make a raw HTTP/1 request of it",
    )
}

/// The forms of `--data-urlencode`: `content`, `=content`, `name=content`.
fn url_encoded(data: &[u8]) -> Result<Vec<u8>, CaptureError> {
    const KEPT: &[u8] = b"~";
    let mut halves = data.splitn(2, |byte| *byte == b'=');
    let first = halves.next().unwrap_or_default();
    match halves.next() {
        Some(content) if first.is_empty() => Ok(form_encode(content, KEPT)),
        Some(content) => Ok([first, &form_encode(content, KEPT)].join(&b'=')),
        None if first.contains(&b'@') => Err(body_of_a_file()),
        None => Ok(form_encode(first, KEPT)),
    }
}

fn with_query(mut target: Vec<u8>, parts: &[Vec<u8>]) -> Vec<u8> {
    if !parts.is_empty() {
        let has_query = target.contains(&b'?');
        target.push(if has_query { b'&' } else { b'?' });
        target.extend(parts.join(&b'&'));
    }
    target
}

#[cfg(test)]
mod tests;
