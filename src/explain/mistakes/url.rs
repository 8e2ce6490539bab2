//! TODO url

use super::Mistake;
use crate::explain::finding::Finding;
use crate::explain::supposed::Concern;

pub(super) static SCHEME: Mistake = Mistake {
    finding: Finding::UrlScheme,
    concern: Concern::Url,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static HOST: Mistake = Mistake {
    finding: Finding::UrlHost,
    concern: Concern::Url,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static PORT: Mistake = Mistake {
    finding: Finding::UrlPort,
    concern: Concern::Url,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static PATH_PREFIX: Mistake = Mistake {
    finding: Finding::UrlPathPrefix,
    concern: Concern::Url,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static TRAILING_SLASH: Mistake = Mistake {
    finding: Finding::UrlTrailingSlash,
    concern: Concern::Url,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};

pub(super) static PATH_CASE: Mistake = Mistake {
    finding: Finding::UrlPathCase,
    concern: Concern::Url,
    undo: |_, _| Vec::new(),
    fix: |_, _, _| String::new(),
};
