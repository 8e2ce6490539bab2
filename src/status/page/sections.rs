//! Where the documents say more. They are not served, so they are named by file and heading.

/// A section of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) file: &'static str,
    pub(super) heading: &'static str,
}

const fn of(file: &'static str, heading: &'static str) -> Section {
    Section { file, heading }
}

const OPERATIONS: &str = "docs/operations.md";
const TROUBLESHOOTING: &str = "docs/troubleshooting.md";
const CONFIGURATION: &str = "docs/configuration.md";

pub(super) const DOCTOR: Section = of(OPERATIONS, "Is everything in place?");
pub(super) const REFUSED: Section = of(OPERATIONS, "Why was it refused?");
pub(super) const METRICS: Section = of(OPERATIONS, "Metrics");
pub(super) const ANSWERS: Section = of(OPERATIONS, "What the sender does with an answer");
pub(super) const REPLAY: Section = of(OPERATIONS, "Replay protection");
pub(super) const REDIS_DOWN: Section = of(OPERATIONS, "When Redis does not answer");
pub(super) const SPOOL: Section = of(OPERATIONS, "Stored events");
pub(super) const DEAD_LETTERS: Section = of(OPERATIONS, "Dead letters");
pub(super) const NOTHING_ARRIVES: Section = of(TROUBLESHOOTING, "Nothing arrives");
pub(super) const APP: Section = of(TROUBLESHOOTING, "The app does not answer");
pub(super) const EVENTS_WAIT: Section = of(TROUBLESHOOTING, "Events wait");
pub(super) const ROTATING: Section = of(CONFIGURATION, "Rotating a secret");
pub(super) const RELOADING: Section = of(CONFIGURATION, "Reloading");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_is_there() {
        for section in [
            DOCTOR,
            REFUSED,
            METRICS,
            ANSWERS,
            REPLAY,
            REDIS_DOWN,
            SPOOL,
            DEAD_LETTERS,
            NOTHING_ARRIVES,
            APP,
            EVENTS_WAIT,
            ROTATING,
            RELOADING,
        ] {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/");
            let text = std::fs::read_to_string(path.to_owned() + section.file).unwrap();
            let heading = |line: &str| line.trim_start_matches('#').trim_start() == section.heading;
            assert!(
                text.lines()
                    .any(|line| line.starts_with('#') && heading(line)),
                "{section:?}"
            );
        }
    }
}
