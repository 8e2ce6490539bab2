//! TODO query

use super::Mistake;
use crate::explain::finding::Finding;
use crate::explain::supposed::Concern;

pub(super) static MISSING: Mistake = Mistake {
    finding: Finding::QueryMissing,
    concern: Concern::Url,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static DECODED: Mistake = Mistake {
    finding: Finding::QueryDecoded,
    concern: Concern::Url,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static ENCODED: Mistake = Mistake {
    finding: Finding::QueryEncoded,
    concern: Concern::Url,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static ESCAPES: Mistake = Mistake {
    finding: Finding::Escapes,
    concern: Concern::Url,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static ORDER: Mistake = Mistake {
    finding: Finding::QueryOrder,
    concern: Concern::Url,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};
