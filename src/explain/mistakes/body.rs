//! TODO body

use super::Mistake;
use crate::explain::finding::Finding;
use crate::explain::supposed::Concern;

pub(super) static NEWLINE: Mistake = Mistake {
    finding: Finding::BodyNewline,
    concern: Concern::Body,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static TRIMMED: Mistake = Mistake {
    finding: Finding::BodyTrimmed,
    concern: Concern::Body,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static LINE_ENDS: Mistake = Mistake {
    finding: Finding::BodyLineEnds,
    concern: Concern::Body,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static EMPTY: Mistake = Mistake {
    finding: Finding::BodyEmpty,
    concern: Concern::Body,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};
