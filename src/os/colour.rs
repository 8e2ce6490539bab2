//! Whether text for people is coloured.

use std::env;
use std::ffi::OsStr;
use std::io::IsTerminal;

/// Whether what is written to this stream may be coloured: to a terminal, unless `NO_COLOR` is set
/// (<https://no-color.org>) or `CLICOLOR` is 0 (<https://bixense.com/clicolors>).
pub(crate) fn is_wanted(stream: &impl IsTerminal) -> bool {
    let (no_color, clicolor) = (env::var_os("NO_COLOR"), env::var_os("CLICOLOR"));
    stream.is_terminal() && !is_declined(no_color.as_deref(), clicolor.as_deref())
}

fn is_declined(no_color: Option<&OsStr>, clicolor: Option<&OsStr>) -> bool {
    no_color.is_some_and(|value| !value.is_empty()) || clicolor.is_some_and(|value| value == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_can_be_declined() {
        let declined = |no_color: Option<&str>, clicolor: Option<&str>| {
            is_declined(no_color.map(OsStr::new), clicolor.map(OsStr::new))
        };
        assert!(!declined(None, None));
        assert!(!declined(Some(""), Some("1")));
        assert!(declined(Some("1"), None));
        assert!(declined(None, Some("0")));
    }
}
