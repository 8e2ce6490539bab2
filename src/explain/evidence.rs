//! TODO evidence

use super::case::Case;
use super::told::Told;
use crate::reason::Reason;

pub(super) fn findings(_case: &Case<'_>, _reason: Reason) -> Vec<Told> {
    Vec::new()
}
