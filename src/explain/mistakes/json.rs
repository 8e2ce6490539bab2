//! TODO json

use super::Mistake;
use crate::explain::finding::Finding;
use crate::explain::supposed::Concern;

pub(super) static RESERIALIZED: Mistake = Mistake {
    finding: Finding::BodyReserialized,
    concern: Concern::Body,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static STRINGIFIED: Mistake = Mistake {
    finding: Finding::BodyStringified,
    concern: Concern::Body,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};
