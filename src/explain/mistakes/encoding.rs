//! TODO encoding

use super::Mistake;
use crate::explain::finding::Finding;
use crate::explain::supposed::Concern;

pub(super) static CHARSET: Mistake = Mistake {
    finding: Finding::BodyCharset,
    concern: Concern::Body,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static BASE64: Mistake = Mistake {
    finding: Finding::BodyBase64,
    concern: Concern::Body,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static COMPRESSED: Mistake = Mistake {
    finding: Finding::BodyCompressed,
    concern: Concern::Body,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};
