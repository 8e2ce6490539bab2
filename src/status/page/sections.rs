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

pub(super) const REFUSED: Section = of(OPERATIONS, "Why was it refused?");
pub(super) const NOT_READY: Section = of(OPERATIONS, "HookwardNotReady");
pub(super) const RELOAD_REFUSED: Section = of(OPERATIONS, "HookwardReloadRefused");
pub(super) const CLOCK: Section = of(OPERATIONS, "HookwardClockDrift");
pub(super) const SECRET_ENDS: Section = of(OPERATIONS, "HookwardSecretEnds");
pub(super) const NO_SECRET: Section = of(OPERATIONS, "HookwardNoSecretLeft");
pub(super) const APP_SLOW: Section = of(OPERATIONS, "HookwardAppSlow");
pub(super) const CONNECTIONS: Section = of(OPERATIONS, "HookwardConnectionsNearFull");
pub(super) const MEMORY: Section = of(OPERATIONS, "HookwardBufferNearFull");
pub(super) const REPLAY_FULL: Section = of(OPERATIONS, "HookwardReplayEvicting");
pub(super) const REPLAY_FAILS: Section = of(OPERATIONS, "HookwardReplayStoreFailing");
pub(super) const SPOOL_FAILS: Section = of(OPERATIONS, "HookwardSpoolFailing");
pub(super) const SPOOL_FULL: Section = of(OPERATIONS, "HookwardSpoolNearFull");
pub(super) const DEAD_LETTERS: Section = of(OPERATIONS, "HookwardDeadLetters");
pub(super) const NOTHING_ARRIVES: Section = of(TROUBLESHOOTING, "Nothing arrives");
pub(super) const APP: Section = of(TROUBLESHOOTING, "The app does not answer");
pub(super) const EVENTS_WAIT: Section = of(TROUBLESHOOTING, "Events wait");
pub(super) const ROTATING: Section = of(CONFIGURATION, "Rotating a secret");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_is_there() {
        for section in [
            REFUSED,
            NOT_READY,
            RELOAD_REFUSED,
            CLOCK,
            SECRET_ENDS,
            NO_SECRET,
            APP_SLOW,
            CONNECTIONS,
            MEMORY,
            REPLAY_FULL,
            REPLAY_FAILS,
            SPOOL_FAILS,
            SPOOL_FULL,
            DEAD_LETTERS,
            NOTHING_ARRIVES,
            APP,
            EVENTS_WAIT,
            ROTATING,
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
