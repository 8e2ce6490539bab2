//! Bodies that were written in another way on their way: in another character set, in base64, compressed.

mod charset;
mod lost;
mod recompress;

use std::io::Read;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};

use super::Mistake;
use super::candidates::{Candidates, MAX_BODY_BYTES, RAW};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::supposed::{Change, Concern, Supposed};

pub(super) static CHARSET: Mistake = Mistake {
    finding: Finding::BodyCharset,
    concern: Concern::Body,
    undo: undo_charset,
    fix: fix_charset,
};

pub(super) static BASE64: Mistake = Mistake {
    finding: Finding::BodyBase64,
    concern: Concern::Body,
    undo: undo_base64,
    fix: fix_base64,
};

pub(super) static COMPRESSED: Mistake = Mistake {
    finding: Finding::BodyCompressed,
    concern: Concern::Body,
    undo: undo_compressed,
    fix: fix_compressed,
};

/// Reads what any encoder writes: padded or not, with unused bits or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The length of a line of base64 in e-mail (RFC 2045, section 6.8).
const LINE: usize = 76;

/// How many bodies are tried for other character sets. Most are for lost characters, in small bodies alone.
const CHARSETS: usize = 224;

/// What is decompressed at least, and for how many times its size beyond that, in bytes.
const MIN_DECOMPRESSED: usize = 1 << 20;
const MAX_RATIO: usize = 10;

/// How many bodies are tried for compression, and how large one may be that is compressed for it, in bytes.
const COMPRESSED_BODIES: usize = 40;
const MAX_RECOMPRESSED: usize = 64 << 10;

fn undo_charset(_: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(&supposed.body, CHARSETS);
    charset::undo(&mut candidates);
    lost::undo(&mut candidates);
    candidates.into_changes()
}

fn undo_base64(_: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(&supposed.body, 8);
    let body = candidates.received();
    if body.is_empty() || candidates.is_full() {
        return Vec::new();
    }
    candidates.push_some(base64_read(body));
    candidates.push_some(of_event(body));
    let padded = general_purpose::STANDARD.encode(body);
    let wrapped = |end: &str| {
        let mut lines = padded.as_bytes().chunks(LINE);
        let first = lines.next().unwrap_or_default().to_vec();
        lines.fold(first, |mut out, line| {
            out.extend_from_slice(end.as_bytes());
            out.extend_from_slice(line);
            out
        })
    };
    candidates.push(padded.clone().into_bytes());
    candidates.push(general_purpose::URL_SAFE.encode(body).into_bytes());
    candidates.push(general_purpose::STANDARD_NO_PAD.encode(body).into_bytes());
    candidates.push(general_purpose::URL_SAFE_NO_PAD.encode(body).into_bytes());
    candidates.push(wrapped("\r\n"));
    candidates.push(wrapped("\n"));
    candidates.push([&wrapped("\n")[..], b"\n"].concat());
    candidates.into_changes()
}

/// What base64 of either alphabet stands for, be it in lines, in quotes or in a `data:` URL.
fn base64_read(body: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?.trim_ascii();
    let unquoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let text = unquoted.unwrap_or(text);
    let data = text
        .strip_prefix("data:")
        .and_then(|url| url.split_once(";base64,"));
    let text = data.map_or(text, |(_, data)| data);
    let digits = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let digits: Vec<u8> = digits
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
        .collect();
    LENIENT.decode(digits).ok()
}

/// An event of AWS Lambda whose body is in base64.
#[derive(serde::Deserialize)]
struct Event {
    body: String,
    #[serde(rename = "isBase64Encoded")]
    is_base64: bool,
}

/// What stands in an event that was passed on whole.
fn of_event(body: &[u8]) -> Option<Vec<u8>> {
    let event: Event = serde_json::from_slice(body).ok()?;
    event
        .is_base64
        .then(|| base64_read(event.body.as_bytes()))
        .flatten()
}

fn undo_compressed(_: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(&supposed.body, COMPRESSED_BODIES);
    let body = candidates.received();
    if candidates.is_full() {
        return Vec::new();
    }
    if let [0x1f, 0x8b, ..] = body {
        candidates.push_some(read_all(flate2::read::MultiGzDecoder::new(body), body));
        return candidates.into_changes();
    }
    if let [first, _, ..] = body
        && !body.is_ascii()
    {
        // The method of a zlib stream is 8 (RFC 1950, section 2.2). What is called deflate comes without
        // its header as well.
        if first & 0x0f == 8 {
            candidates.push_some(read_all(flate2::read::ZlibDecoder::new(body), body));
        }
        candidates.push_some(read_all(flate2::read::DeflateDecoder::new(body), body));
    }
    if !body.is_empty() && body.len() <= MAX_RECOMPRESSED {
        recompress::undo(&supposed.timestamp, &mut candidates);
    }
    candidates.into_changes()
}

/// All that a decoder gives; `None` if it fails or gives more than a body may have.
fn read_all(decoder: impl Read, body: &[u8]) -> Option<Vec<u8>> {
    let most = body.len().saturating_mul(MAX_RATIO);
    let most = most.clamp(MIN_DECOMPRESSED, MAX_BODY_BYTES);
    let limit = u64::try_from(most).ok()?.checked_add(1)?;
    let mut out = Vec::new();
    decoder.take(limit).read_to_end(&mut out).ok()?;
    (out.len() <= most && !out.is_empty()).then_some(out)
}

fn fix_charset(_: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let has_mark = |body: &[u8]| body.starts_with(charset::BOM);
    let what = match (has_mark(&before.body), has_mark(&after.body)) {
        (true, false) => "a byte-order mark was put before it",
        (false, true) => "the byte-order mark with which it was signed was lost",
        _ => {
            "it was read in one character set and written in another, so that its characters beyond ASCII differ"
        }
    };
    format!(
        "The character set of the body was changed on its way: {what}. Read and write it as bytes, or as UTF-8 \
         without a mark at every step. {RAW}"
    )
}

fn fix_base64(_: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    if before.body.len() > after.body.len() {
        "The body came in base64, and what it stands for was signed. Decode it before it is passed on: behind AWS \
         API Gateway or an ALB, a Lambda function gets `isBase64Encoded: true` and does \
         `Buffer.from(event.body, 'base64')`."
            .to_owned()
    } else {
        "The body was signed in base64 and decoded on its way. Pass it on as it came: AWS API Gateway decodes what \
         `binaryMediaTypes` or `contentHandling: CONVERT_TO_BINARY` names."
            .to_owned()
    }
}

fn fix_compressed(_: &Case<'_>, _: &Supposed, after: &Supposed) -> String {
    if recompress::is_compressed(&after.body) {
        "The body was signed compressed, and decompressed on its way. Let nothing before hookward take its \
         `Content-Encoding` away (Express and body-parser: `inflate: false`; nginx: no `gunzip`); or let whoever \
         signs do so before it compresses."
            .to_owned()
    } else {
        "The body was compressed on its way, and it was signed uncompressed. Let the proxy before hookward send \
         request bodies on as they came: no gzip or deflate with a `Content-Encoding` towards hookward, or \
         decompress there."
            .to_owned()
    }
}

#[cfg(test)]
mod tests;
