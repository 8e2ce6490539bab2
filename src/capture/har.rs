//! HAR files (HTTP Archive 1.2), as the tools of browsers and debugging proxies write them.
//!
//! What the JSON parser says of a file is not shown: it quotes from it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::error::Category;

use super::url::{Url, form_encode};
use super::{Capture, CaptureError, MAX_FIELDS, field_name, method};

/// How many requests are listed for a choice.
const MAX_LISTED: usize = 10;
/// How much of a path is listed, in characters.
const MAX_LISTED_PATH: usize = 80;

#[derive(Deserialize)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(rename = "postData")]
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct PostData {
    #[serde(rename = "mimeType")]
    media_type: Option<String>,
    text: Option<String>,
    #[serde(default)]
    params: Vec<Pair>,
    /// Not of HAR 1.2, which has it for responses alone; some tools write it for what is no text.
    encoding: Option<String>,
    /// Where Playwright keeps the body.
    #[serde(rename = "_file")]
    file: Option<serde::de::IgnoredAny>,
}

pub(super) fn read(text: &[u8], entry: Option<usize>) -> Result<Capture, CaptureError> {
    let har: Har = serde_json::from_slice(text).map_err(|error| no_har(&error))?;
    let entry = chosen(har.log.entries, entry)?;
    let request = entry.request;
    let method = method(request.method.as_bytes());
    let mut capture = Capture {
        method: method
            .ok_or_else(|| CaptureError::malformed("the request's `method` is no method"))?,
        ..Capture::default()
    };
    for header in request.headers {
        take_header(&mut capture, &header)?;
    }
    match Url::split(request.url.as_bytes()) {
        Some(url) => {
            capture.origin = Some(url.origin());
            if capture.header("Host").is_none() {
                let host = ("Host".to_owned(), url.host().as_bytes().to_vec());
                capture.fields.insert(0, host);
            }
            capture.target = url.target;
        }
        None => {
            let text = "the request's `url` is no http or https URL";
            return Err(CaptureError::malformed(text));
        }
    }
    capture.body = request.post_data.map_or(Ok(Vec::new()), body)?.into();
    Ok(capture)
}

fn no_har(error: &serde_json::Error) -> CaptureError {
    let (line, column) = (error.line(), error.column());
    CaptureError::malformed(match error.classify() {
        Category::Data => format!(
            "this is JSON, but no HAR file: at line {line}, column {column}, it is not as expected: \
             `log.entries[]`, each with `request` and in it `method`, `url`, `headers` and `postData`"
        ),
        _ => format!(
            "this begins like the JSON of a HAR file, but is no JSON at line {line}, column {column}; perhaps it \
             was cut off"
        ),
    })
}

fn chosen(mut entries: Vec<Entry>, entry: Option<usize>) -> Result<Entry, CaptureError> {
    let index = match (entry, entries.len()) {
        (_, 0) => {
            return Err(CaptureError::Entry(
                "the HAR file has no requests".to_owned(),
            ));
        }
        (None, 1) => 0,
        (None, count) => {
            let text = format!("the HAR file has {count} requests; choose one by its number:");
            return Err(CaptureError::Entry(listed(&text, &entries)));
        }
        (Some(number), count) => match number.checked_sub(1).filter(|index| *index < count) {
            Some(index) => index,
            None => {
                let text = format!("the HAR file has no request {number}; those that it has:");
                return Err(CaptureError::Entry(listed(&text, &entries)));
            }
        },
    };
    Ok(entries.swap_remove(index))
}

/// The first requests, one a line, without what may be secret in their URLs.
fn listed(text: &str, entries: &[Entry]) -> String {
    let mut lines = vec![text.to_owned()];
    for (number, entry) in (1..).zip(entries.iter().take(MAX_LISTED)) {
        let method = method(entry.request.method.as_bytes()).unwrap_or_default();
        let target = Url::split(entry.request.url.as_bytes()).map(|url| url.target);
        let target = String::from_utf8_lossy(target.as_deref().unwrap_or_default()).into_owned();
        let path = target.split('?').next().unwrap_or_default().chars();
        let path = path.filter(|character| !character.is_control());
        let path: String = path.take(MAX_LISTED_PATH).collect();
        lines.push(format!("  {number}  {method} {path}"));
    }
    let more = entries.len().saturating_sub(MAX_LISTED);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}

fn take_header(capture: &mut Capture, header: &Pair) -> Result<(), CaptureError> {
    // Those of HTTP/2 that begin with a colon say what `method` and `url` say.
    if header.name.starts_with(':') {
        return Ok(());
    }
    let name = field_name(header.name.as_bytes());
    let name = name.ok_or_else(|| CaptureError::malformed("the name of a header is no name"))?;
    // Chrome joins the values of a header that was sent several times with line feeds.
    for value in header.value.split('\n') {
        if capture.fields.len() >= MAX_FIELDS {
            return Err(CaptureError::malformed(
                "the request has more than 10,000 headers",
            ));
        }
        let value = value.trim_ascii().as_bytes().to_vec();
        capture.fields.push((name.clone(), value));
    }
    Ok(())
}

fn body(data: PostData) -> Result<Vec<u8>, CaptureError> {
    match data.text {
        Some(text) if data.encoding.as_deref() == Some("base64") => {
            let body = STANDARD.decode(text.trim_ascii());
            body.map_err(|_| {
                CaptureError::malformed("the text of `postData` is not the base64 that it is to be")
            })
        }
        Some(text) => Ok(text.into_bytes()),
        None if data.file.is_some() => Err(CaptureError::malformed(
            "the body of this request is in another file, which is not read: record the HAR file with its \
             content embedded",
        )),
        // How the parts of a multipart body were divided is not told.
        None if is_multipart(data.media_type.as_deref()) => Ok(Vec::new()),
        None => Ok(form(&data.params)),
    }
}

fn is_multipart(media_type: Option<&str>) -> bool {
    media_type.is_some_and(|media_type| media_type.to_ascii_lowercase().starts_with("multipart/"))
}

fn form(params: &[Pair]) -> Vec<u8> {
    let encode = |text: &str| form_encode(text.as_bytes(), b"*");
    let pair = |pair: &Pair| [encode(&pair.name), encode(&pair.value)].join(&b'=');
    params.iter().map(pair).collect::<Vec<_>>().join(&b'&')
}

#[cfg(test)]
mod tests;
