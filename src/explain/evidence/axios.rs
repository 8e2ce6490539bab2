//! A fault of a sender: axios from 1.13.6 leaves out keys of these names from the objects within a body, after
//! the body was signed. Such a request cannot verify, with any settings.
//!
//! That the sender is Twenty, whose requests axios sends, is no evidence. That an event lists a changed field
//! of such a name, and its record lacks it, is.

use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

use super::told;
use crate::explain::case::Case;
use crate::explain::finding::Finding;
use crate::explain::told::Told;

const DROPPED: [&str; 3] = ["constructor", "prototype", "__proto__"];

#[derive(Deserialize)]
struct Event {
    record: BTreeMap<String, IgnoredAny>,
    #[serde(rename = "updatedFields")]
    updated_fields: Vec<String>,
}

pub(super) fn dropped_keys(case: &Case<'_>) -> Option<Told> {
    let event: Event = serde_json::from_slice(&case.received.body).ok()?;
    let is_missing = |name: &&str| {
        event.updated_fields.iter().any(|field| field == name) && !event.record.contains_key(*name)
    };
    let missing: Vec<String> = DROPPED
        .into_iter()
        .filter(is_missing)
        .map(|name| format!("`{name}`"))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let fix = format!(
        "The event says that {} changed, and its record has no such field: axios (1.13.6 and later), with which \
         {} sends, leaves out keys named `constructor`, `prototype` and `__proto__` after it signed them. \
         Nothing in hookward's settings helps: give the field another name there.",
        missing.join(", "),
        case.provider.known.display_name
    );
    Some(told(Finding::AxiosDroppedKeys, fix))
}
