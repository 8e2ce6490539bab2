use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};

use crate::spool::nats::settings::Settings;
use crate::spool::nats::stream::{obstacle, wanted};

type Change = fn(&mut Config);

fn ours() -> Config {
    wanted(&Settings::new(vec![], "S", 3))
}

#[test]
fn the_stream_that_is_made_can_be_used() {
    assert_eq!(obstacle(&ours(), &ours()), None);
}

#[test]
fn so_can_one_with_other_replicas_and_room_that_refuses_what_is_too_much() {
    let mut found = ours();
    found.num_replicas = 1;
    found.max_bytes = 1 << 20;
    found.duplicate_window = Duration::from_secs(3_600);
    found.subjects.reverse();
    assert_eq!(obstacle(&found, &ours()), None);
}

#[test]
fn what_would_lose_events_cannot() {
    let changes: [(&str, Change); 11] = [
        ("subjects", |found| {
            found.subjects.pop();
        }),
        ("retention", |found| {
            found.retention = RetentionPolicy::Limits
        }),
        ("storage", |found| found.storage = StorageType::Memory),
        ("max_age", |found| found.max_age = Duration::from_secs(1)),
        ("discard", |found| {
            found.discard = DiscardPolicy::Old;
            found.max_bytes = 1 << 20;
        }),
        ("discard", |found| {
            found.discard = DiscardPolicy::Old;
            found.max_messages_per_subject = 1;
        }),
        ("no_ack", |found| found.no_ack = true),
        ("sealed", |found| found.sealed = true),
        ("deny_delete", |found| found.deny_delete = true),
        ("allow_direct", |found| found.allow_direct = false),
        ("duplicate_window", |found| {
            found.duplicate_window = Duration::from_secs(1);
        }),
    ];
    for (word, change) in changes {
        let mut found = ours();
        change(&mut found);
        let obstacle = obstacle(&found, &ours()).unwrap_or_default();
        assert!(obstacle.contains(word), "{word}: {obstacle}");
    }
}
