//! The explanation for people: the verdict, what was hashed with its invisible characters shown, the cause, and
//! what to change.

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use anstyle::{AnsiColor, Style};

use super::judge::Judgement;
use crate::explain::{Finding, SignedPart};
use crate::verify::Timestamp;

/// How much of a part is shown, in characters: its beginning and its end.
const SHOWN: usize = 400;

/// The first time whose year has five digits, in milliseconds since the epoch: an HTTP date has no room for them.
const YEAR_10000: u64 = 253_402_300_800_000;

const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const NAME: Style = AnsiColor::Cyan.on_default();
const INVISIBLE: Style = AnsiColor::Yellow.on_default();

/// Writes parts of a text in a style, or without any.
struct Page {
    text: String,
    in_colour: bool,
}

impl Page {
    fn styled(&mut self, style: Style, text: &str) {
        // Writing to memory does not fail.
        let _ = if self.in_colour {
            write!(self.text, "{style}{text}{style:#}")
        } else {
            write!(self.text, "{text}")
        };
    }

    fn plain(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

pub(super) fn render(judgement: &Judgement, in_colour: bool) -> String {
    let mut page = Page {
        text: String::new(),
        in_colour,
    };
    match judgement.reason {
        None => page.styled(GOOD, "verified"),
        Some(reason) => {
            let text = format!("{}: {}", judgement.verdict(), reason.as_str());
            page.styled(BAD, &text);
        }
    }
    if let Some(detail) = judgement.detail {
        page.plain(&format!(" ({detail})"));
    }
    let route = judgement.route.as_deref().unwrap_or("none");
    let secret = judgement.secret.as_deref();
    let secret = secret.map_or(String::new(), |id| format!(", secret {id}"));
    let at = shown_time(judgement.now);
    page.plain(&format!(
        "\nroute {route}, scheme {}{secret}, judged as if received at {at}\n",
        judgement.scheme
    ));
    if !judgement.signed.is_empty() {
        page.styled(BOLD, "\nHashed, in this order:\n");
        for part in &judgement.signed {
            show(&mut page, part);
        }
    }
    for told in &judgement.answer.findings {
        page.plain("\n");
        let is_known = told.finding != Finding::Unknown;
        let what = if is_known { "Cause" } else { "Cause not found" };
        page.styled(BOLD, what);
        page.plain(": ");
        page.styled(NAME, told.finding.as_str());
        page.plain(&format!("\n{}\n", told.fix));
    }
    if !judgement.answer.ruled_out.is_empty() {
        let words: Vec<&str> = judgement
            .answer
            .ruled_out
            .iter()
            .map(|finding| finding.as_str())
            .collect();
        page.plain(&format!("\nRuled out: {}.\n", words.join(", ")));
    }
    page.text
}

/// A time as a date and in milliseconds, as `--at` takes it; one without a date of four digits in milliseconds
/// alone.
fn shown_time(time: Timestamp) -> String {
    let millis = time.as_millis();
    let at = UNIX_EPOCH.checked_add(Duration::from_millis(millis));
    match at.filter(|_| millis < YEAR_10000) {
        Some(at) => format!("{} ({millis})", httpdate::fmt_http_date(at)),
        None => format!("{millis} ms after 1970"),
    }
}

fn show(page: &mut Page, part: &SignedPart) {
    page.plain("  ");
    page.styled(NAME, &format!("{:9} ", part.name));
    let Some(bytes) = &part.bytes else {
        page.plain("(the secret)\n");
        return;
    };
    let text = String::from_utf8_lossy(bytes);
    let count = text.chars().count();
    let half = SHOWN.div_euclid(2);
    for (index, character) in text.chars().enumerate() {
        let is_left_out = count > SHOWN && index >= half && index < count.saturating_sub(half);
        if is_left_out {
            if index == half {
                page.styled(INVISIBLE, " … ");
            }
            continue;
        }
        match shown(character) {
            Some(name) => page.styled(INVISIBLE, &name),
            None => page.plain(character.encode_utf8(&mut [0; 4])),
        }
    }
    page.plain(&format!("  ({} bytes)\n", bytes.len()));
}

/// What is shown in the place of a character that cannot be seen.
fn shown(character: char) -> Option<String> {
    Some(match character {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{feff}' => "<byte-order mark>".to_owned(),
        '\u{fffd}' => "<no UTF-8>".to_owned(),
        '\u{a0}' => "<no-break space>".to_owned(),
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => {
            format!("<U+{:04X}>", u32::from(character))
        }
        character if character.is_control() => format!("<U+{:04X}>", u32::from(character)),
        _ => return None,
    })
}
