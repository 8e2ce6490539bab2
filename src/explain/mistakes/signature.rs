//! TODO signature

use super::Mistake;
use crate::explain::finding::Finding;
use crate::explain::supposed::Concern;

pub(super) static ENCODING: Mistake = Mistake {
    finding: Finding::SignatureEncoding,
    concern: Concern::Signature,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};
