//! What happens to the ends and the lines of a body, and bodies that a parser left empty.

use super::Mistake;
use super::candidates::{Candidates, RAW};
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::supposed::{Change, Concern, Supposed};

pub(super) static NEWLINE: Mistake = Mistake {
    finding: Finding::BodyNewline,
    concern: Concern::Body,
    undo: undo_newline,
    fix: fix_newline,
};

pub(super) static TRIMMED: Mistake = Mistake {
    finding: Finding::BodyTrimmed,
    concern: Concern::Body,
    undo: undo_trimmed,
    fix: fix_trimmed,
};

pub(super) static LINE_ENDS: Mistake = Mistake {
    finding: Finding::BodyLineEnds,
    concern: Concern::Body,
    undo: undo_line_ends,
    fix: fix_line_ends,
};

pub(super) static EMPTY: Mistake = Mistake {
    finding: Finding::BodyEmpty,
    concern: Concern::Body,
    undo: undo_empty,
    fix: fix_empty,
};

/// What parsers give for a body that is not there, and serializers write for it.
const NOTHING: [&[u8]; 5] = [b"{}", b"[]", b"null", b"\"\"", b"undefined"];

/// What a body may have ended with before it was trimmed: blanks, alone or with line ends. A line end alone
/// is another mistake.
const TRAILING: [&[u8]; 12] = [
    b" ",
    b"\n\n",
    b"\r\n\r\n",
    b"  ",
    b"\t",
    b" \n",
    b" \r\n",
    b"\n ",
    b"   ",
    b"    ",
    b"\n\n\n",
    b"\0",
];

/// From which size on only the likeliest blanks are tried, in bytes: each is a copy of the body.
const LARGE: usize = 256 << 10;

/// What a body may have begun with before it was trimmed.
const LEADING: [&[u8]; 8] = [
    b" ",
    b"\n",
    b"\r\n",
    b"  ",
    b"\t",
    b"\n\n",
    b"    ",
    b"\r\n\r\n",
];

/// What a body may have had at both ends.
const AROUND: [(&[u8], &[u8]); 6] = [
    (b" ", b" "),
    (b"\n", b"\n"),
    (b"\r\n", b"\r\n"),
    (b"  ", b"  "),
    (b" ", b"\n"),
    (b"  ", b"\n"),
];

fn undo_newline(_: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(&supposed.body, 8);
    let body = candidates.received();
    let shorter = [b"\r\n" as &[u8], b"\n", b"\r"]
        .into_iter()
        .find_map(|end| body.strip_suffix(end));
    candidates.push_some(shorter.map(<[u8]>::to_vec));
    // After a lone CR an added LF would be another way to write the line end that is there.
    if !body.is_empty() && !body.ends_with(b"\r") {
        candidates.push(joined(b"", body, b"\n"));
        candidates.push(joined(b"", body, b"\r\n"));
    }
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let last = body
        .iter()
        .rposition(|byte| !is_end(byte))
        .map_or(0, |at| at.saturating_add(1));
    candidates.push_some(body.get(..last).map(<[u8]>::to_vec));
    let first = body.iter().position(|byte| !is_end(byte)).unwrap_or(0);
    candidates.push_some(body.get(first..).map(<[u8]>::to_vec));
    candidates.into_changes()
}

fn undo_trimmed(_: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let is_large = supposed.body.len() > LARGE;
    let most = if is_large { 8 } else { 26 };
    let mut candidates = Candidates::new(&supposed.body, most);
    let body = candidates.received();
    let is_blank = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
    let (may_lead, may_trail) = (!is_blank(body.first()), !is_blank(body.last()));
    // Most trim only the end, or both ends.
    if may_trail {
        for end in TRAILING {
            candidates.push(joined(b"", body, end));
        }
    }
    if may_lead {
        for start in LEADING {
            candidates.push(joined(start, body, b""));
        }
    }
    if may_lead && may_trail {
        for (start, end) in AROUND {
            candidates.push(joined(start, body, end));
        }
    }
    candidates.into_changes()
}

fn undo_line_ends(_: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(&supposed.body, 4);
    let body = candidates.received();
    if memchr::memchr2(b'\r', b'\n', body).is_some() {
        for end in [b"\r\n" as &[u8], b"\n", b"\r"] {
            candidates.push(with_line_ends(body, end));
        }
        // A text mode that wrote CRLF for every LF turned a CRLF into CR CR LF.
        candidates.push(without_doubled_cr(body));
    }
    candidates.into_changes()
}

fn undo_empty(_: &Case<'_>, supposed: &Supposed) -> Vec<Change> {
    let mut candidates = Candidates::new(&supposed.body, 8);
    let body = candidates.received();
    if body.is_empty() {
        for nothing in NOTHING {
            candidates.push(nothing.to_vec());
        }
        candidates.push(b"\n".to_vec());
        candidates.push(b"\r\n".to_vec());
    } else if NOTHING.contains(&body.trim_ascii()) {
        candidates.push(Vec::new());
    }
    candidates.into_changes()
}

fn joined(start: &[u8], body: &[u8], end: &[u8]) -> Vec<u8> {
    [start, body, end].concat()
}

/// The body with this for every line end in it, CRLF, CR or LF.
fn with_line_ends(body: &[u8], end: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut bytes = body.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&b'\n');
                out.extend_from_slice(end);
            }
            b'\n' => out.extend_from_slice(end),
            other => out.push(other),
        }
    }
    out
}

fn without_doubled_cr(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut bytes = body.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\r' || bytes.peek() != Some(&b'\r') {
            out.push(byte);
        }
    }
    out
}

fn fix_newline(_: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    if before.body.len() > after.body.len() {
        format!(
            "A line end was added to the body on its way, as editors, `echo`, heredocs and loggers do (for \
             these, `printf %s` or `curl --data-binary @file`). {RAW}"
        )
    } else {
        format!(
            "The line end with which the body was signed was lost on its way, as `$(…)`, `curl --data` and \
             `readline` do (for these, `curl --data-binary @file`). {RAW}"
        )
    }
}

fn fix_trimmed(_: &Case<'_>, _: &Supposed, _: &Supposed) -> String {
    format!(
        "The body was trimmed on its way: it was signed with blanks or line ends at its start or end. Take \
         `trim()` or `strip()` out of what handles the body, or out of the tool that kept this request. {RAW}"
    )
}

fn fix_line_ends(_: &Case<'_>, before: &Supposed, after: &Supposed) -> String {
    let (came, went) = (line_end_name(&before.body), line_end_name(&after.body));
    format!(
        "The line ends of the body were changed on its way: {went} was signed, {came} came. Open files in binary \
         mode, take `core.autocrlf` and FTP's text mode away from kept requests. {RAW}"
    )
}

fn line_end_name(body: &[u8]) -> &'static str {
    match memchr::memchr2(b'\r', b'\n', body).and_then(|at| body.get(at..)) {
        Some([b'\r', b'\r', b'\n', ..]) => "CR CR LF",
        Some([b'\r', b'\n', ..]) => "CRLF",
        Some([b'\r', ..]) => "CR",
        _ => "LF",
    }
}

fn fix_empty(_: &Case<'_>, before: &Supposed, _: &Supposed) -> String {
    if before.body.is_empty() {
        format!(
            "The body was consumed by a parser on its way and went on empty. {RAW} What reads it must come \
             after what passes it on, or put it back."
        )
    } else {
        format!(
            "The request was signed without a body, and a parser wrote one for it, as `JSON.stringify(req.body)` \
             does where there was none. {RAW}"
        )
    }
}

#[cfg(test)]
mod tests;
