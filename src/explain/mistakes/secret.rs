//! TODO secret

use super::Mistake;
use crate::explain::finding::Finding;
use crate::explain::keys::Variant;
use crate::explain::supposed::Concern;
use zeroize::Zeroizing;

pub(super) static BLANKS: Mistake = Mistake {
    finding: Finding::SecretBlanks,
    concern: Concern::Secret,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static QUOTES: Mistake = Mistake {
    finding: Finding::SecretQuotes,
    concern: Concern::Secret,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static OF_OTHER_ROUTE: Mistake = Mistake {
    finding: Finding::SecretOfOtherRoute,
    concern: Concern::Secret,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static EXPIRED: Mistake = Mistake {
    finding: Finding::SecretExpired,
    concern: Concern::Secret,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static DECODED: Mistake = Mistake {
    finding: Finding::SecretDecoded,
    concern: Concern::Secret,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

/// TODO
pub(in crate::explain) fn variants(_text: &str) -> Vec<(Variant, Zeroizing<Vec<u8>>)> {
    Vec::new()
}
