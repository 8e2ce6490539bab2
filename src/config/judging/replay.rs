//! Judges `[replay]`.

use std::time::Duration;

use super::values::{located, positive, required};
use crate::config::finding::Findings;
use crate::config::reading::raw::{RawReplay, ReplayStore};
use crate::config::reading::spanned::Spanned;
use crate::config::settings::{RedisConfig, ReplayConfig};

pub(super) fn replay(
    raw: Option<Spanned<RawReplay>>,
    findings: &mut Findings<'_>,
) -> Option<ReplayConfig> {
    let span = raw.as_ref().map_or(0..0, Spanned::span);
    let raw = raw.map(Spanned::into_inner).unwrap_or_default();
    let store = raw
        .store
        .as_ref()
        .map_or(ReplayStore::Memory, |store| *store.get_ref());
    match store {
        ReplayStore::Memory => Some(ReplayConfig::Memory {
            capacity: raw.capacity.map_or(1_000_000, |capacity| {
                usize::try_from(*capacity.get_ref()).unwrap_or(usize::MAX)
            }),
        }),
        ReplayStore::Redis => {
            let example = "such as \"redis://127.0.0.1:6379/0\"";
            let url = required(raw.url, &span, "replay.url", example, findings)
                .and_then(|url| located(&url, "replay.url", url.get_ref().parse(), findings));
            Some(ReplayConfig::Redis(RedisConfig {
                prefix: raw
                    .prefix
                    .map_or_else(|| "hookward:".to_owned(), Spanned::into_inner),
                timeout: positive(
                    raw.timeout,
                    Duration::from_millis(50),
                    "replay.timeout",
                    findings,
                ),
                on_store_failure: raw
                    .on_store_failure
                    .map(Spanned::into_inner)
                    .unwrap_or_default(),
                url: url?,
            }))
        }
    }
}
