//! TODO version

use super::Mistake;
use crate::explain::finding::Finding;
use crate::explain::supposed::Concern;

pub(super) static VERSION: Mistake = Mistake {
    finding: Finding::Version,
    concern: Concern::Signature,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};
