//! Whether a stream is to be written in colour.

use std::io::IsTerminal;

/// Whether colours are wanted on this stream: on a terminal that has them, unless the environment says
/// otherwise. `NO_COLOR` (no-color.org) beats `CLICOLOR_FORCE`, and that beats `CLICOLOR` (bixense.com/clicolors).
pub(crate) fn in_colour(stream: &impl IsTerminal) -> bool {
    Wishes {
        none: anstyle_query::no_color(),
        force: anstyle_query::clicolor_force(),
        some: anstyle_query::clicolor(),
    }
    .decide(stream.is_terminal() && anstyle_query::term_supports_ansi_color())
}

/// What the environment says about colours.
#[derive(Clone, Copy)]
struct Wishes {
    /// `NO_COLOR` is not empty.
    none: bool,
    /// `CLICOLOR_FORCE` is not empty.
    force: bool,
    /// `CLICOLOR`, if it is set.
    some: Option<bool>,
}

impl Wishes {
    fn decide(self, is_able: bool) -> bool {
        !self.none && (self.force || (is_able && self.some.unwrap_or(true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_about_colours() {
        let decide = |none, force, some, is_able| Wishes { none, force, some }.decide(is_able);
        assert!(decide(false, false, None, true));
        assert!(decide(false, false, Some(true), true));
        assert!(!decide(false, false, Some(false), true), "CLICOLOR=0");
        assert!(!decide(true, false, None, true), "NO_COLOR");
        assert!(!decide(false, false, Some(true), false), "no terminal");
        assert!(decide(false, true, Some(false), false), "CLICOLOR_FORCE");
        assert!(
            !decide(true, true, None, true),
            "NO_COLOR beats CLICOLOR_FORCE"
        );
    }
}
