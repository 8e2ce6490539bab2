//! What the file of a recorded request is called: `<millis>-<route>-<reason>-<n>.http`.
//!
//! The name says how old a file is, so that it can be found and removed by its name alone. A file that is
//! called otherwise is none of ours.

use crate::reason::Reason;

const END: &str = ".http";
/// While a file is being written, this stands before its name.
pub(super) const UNFINISHED: &str = ".";

/// What the name of a file says, in the order in which files are removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// When the request came, in milliseconds since the epoch.
    pub(super) millis: u64,
    /// Tells files apart that are called the same otherwise.
    number: u32,
    /// Route and reason.
    what: String,
}

impl Name {
    pub(super) fn new(millis: u64, route: &str, reason: Reason, number: u32) -> Self {
        let what = format!("{route}-{reason}");
        Self {
            millis,
            number,
            what,
        }
    }

    /// Reads a name; `None` if it is none of a recorded request.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (millis, rest) = text.strip_suffix(END)?.split_once('-')?;
        let (what, number) = rest.rsplit_once('-')?;
        let (route, reason) = what.rsplit_once('-')?;
        let is_of_route = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        let is_of_reason = |byte: u8| matches!(byte, b'a'..=b'z' | b'_');
        let is_sound = !route.is_empty()
            && route.bytes().all(is_of_route)
            && !reason.is_empty()
            && reason.bytes().all(is_of_reason);
        let name = Self {
            millis: millis.parse().ok()?,
            number: number.parse().ok()?,
            what: what.to_owned(),
        };
        // Another spelling of a number, such as one with zeros before it, is not ours.
        (is_sound && name.to_string() == text).then_some(name)
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            millis,
            number,
            what,
        } = self;
        write!(f, "{millis}-{what}-{number}{END}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let name = Name::new(
            1_795_289_460_424,
            "hubspot-crm",
            Reason::SignatureMismatch,
            7,
        );
        let text = "1795289460424-hubspot-crm-signature_mismatch-7.http";
        assert_eq!(name.to_string(), text);
        assert_eq!(Name::parse(text), Some(name));
    }

    #[test]
    fn other_names_are_none_of_ours() {
        for other in [
            "",
            ".http",
            "notes.http",
            "1795289460424.http",
            "1795289460424-7.http",
            "1795289460424-hubspot-7.http",
            "1795289460424-hubspot-crm-signature_mismatch-7.http.bak",
            ".1795289460424-hubspot-crm-signature_mismatch-7.http",
            "01795289460424-hubspot-crm-signature_mismatch-7.http",
            "1795289460424-hubspot-crm-signature_mismatch-07.http",
            "+1795289460424-hubspot-crm-signature_mismatch-7.http",
            "1795289460424-Hubspot-signature_mismatch-7.http",
            "1795289460424-hubspot-Mismatch-7.http",
            "1795289460424--mismatch-7.http",
            "1795289460424-../x-mismatch-7.http",
        ] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }
}
