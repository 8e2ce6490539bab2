//! How near something is to its limit, as a bar that is also told in words.

use super::super::attention::NEAR;

/// The bar.
pub(in super::super) struct Meter {
    /// 0 to 100.
    pub(in super::super) percent: u64,
    /// `well`, `near` or `over`.
    pub(in super::super) class: &'static str,
    pub(in super::super) label: String,
}

impl Meter {
    pub(super) fn of(percent: u64, label: String) -> Self {
        Self {
            percent: percent.min(100),
            class: match percent {
                0..NEAR => "well",
                NEAR..100 => "near",
                _ => "over",
            },
            label,
        }
    }
}
