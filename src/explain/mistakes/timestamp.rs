//! TODO timestamp

use super::Mistake;
use crate::explain::finding::Finding;
use crate::explain::supposed::Concern;

pub(super) static UNIT: Mistake = Mistake {
    finding: Finding::TimestampUnit,
    concern: Concern::Timestamp,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static MISSING: Mistake = Mistake {
    finding: Finding::TimestampMissing,
    concern: Concern::Timestamp,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};
