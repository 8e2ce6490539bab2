//! TODO method

use super::Mistake;
use crate::explain::finding::Finding;
use crate::explain::supposed::Concern;

pub(super) static METHOD: Mistake = Mistake {
    finding: Finding::Method,
    concern: Concern::Method,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};
