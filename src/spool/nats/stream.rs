//! The stream that holds the events: made where it is not there, and looked at where it is.

use std::time::Duration;

use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{Context, ErrorCode};

use super::failures::failed;
use super::settings::Settings;
use super::subjects::Subjects;
use crate::spool::store::StoreError;

/// How long the server knows what it was given, so that what comes twice counts once.
pub(super) const KNOWN: Duration = Duration::from_secs(120);

/// Whether a stream is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Making {
    /// Where it is not there.
    Allowed,
    /// Never, and it has to be there.
    Forbidden,
    /// Not now: it is looked at where it is there.
    Later,
}

/// Sees to it that the stream is there and can be used.
pub(super) async fn prepare(
    context: &Context,
    settings: &Settings,
    making: Making,
) -> Result<(), StoreError> {
    let found = context.get_stream(&settings.stream).await;
    let config = match found.map_err(|error| (error.kind(), error)) {
        Ok(stream) => stream.cached_info().config.clone(),
        Err((GetStreamErrorKind::JetStream(error), _))
            if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
        {
            match making {
                Making::Allowed => {}
                Making::Later => return Ok(()),
                Making::Forbidden => {
                    let name = &settings.stream;
                    return Err(failed(format_args!(
                        "there is no stream {name}: hookward makes it when it first serves"
                    )));
                }
            }
            let made = context.create_stream(wanted(settings)).await;
            made.map_err(failed)?.cached_info().config.clone()
        }
        Err((_, error)) => return Err(failed(error)),
    };
    match obstacle(&config, &wanted(settings)) {
        None => Ok(()),
        Some(obstacle) => Err(failed(format_args!(
            "the stream {} cannot be used: {obstacle}; change it, or name another in spool.stream",
            settings.stream
        ))),
    }
}

/// The stream as it is made.
pub(super) fn wanted(settings: &Settings) -> Config {
    Config {
        name: settings.stream.clone(),
        subjects: Subjects::of(&settings.stream).of_stream(),
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        num_replicas: usize::from(settings.replicas),
        // What there is no room for is refused: nothing is deleted for it.
        discard: DiscardPolicy::New,
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        duplicate_window: KNOWN,
        allow_direct: true,
        description: Some("events of hookward that wait for their app".to_owned()),
        ..Config::default()
    }
}

/// Why a stream cannot be used, if it cannot. Where it is kept, on how many servers and with how much room is for
/// whoever made it to say.
pub(super) fn obstacle(found: &Config, wanted: &Config) -> Option<String> {
    let mut subjects = found.subjects.clone();
    let mut of_ours = wanted.subjects.clone();
    subjects.sort();
    of_ours.sort();
    let can_lose = found.discard == DiscardPolicy::Old
        && [
            found.max_bytes,
            found.max_messages,
            found.max_messages_per_subject,
        ]
        .iter()
        .any(|limit| *limit > 0);
    if subjects != of_ours {
        let (has, needs) = (subjects.join(", "), of_ours.join(", "));
        Some(format!(
            "its subjects are {has}, and they should be {needs}"
        ))
    } else if found.retention != RetentionPolicy::WorkQueue {
        Some("its retention is not `workqueue`".to_owned())
    } else if found.storage != StorageType::File {
        Some("its storage is not `file`".to_owned())
    } else if !found.max_age.is_zero() {
        Some("it has a max_age, after which events would be lost".to_owned())
    } else if can_lose {
        let what = "it has limits, and `discard` is `old`: old events would be lost for new ones";
        Some(format!("{what}; it should be `new`"))
    } else if found.no_ack {
        Some("no_ack is set, so that nobody learns whether it has an event".to_owned())
    } else if found.sealed || found.deny_delete {
        Some("it is sealed, or deny_delete is set".to_owned())
    } else if !found.allow_direct {
        Some("allow_direct is not set".to_owned())
    } else if found.duplicate_window < wanted.duplicate_window {
        let (has, needs) = (found.duplicate_window, wanted.duplicate_window);
        Some(format!(
            "its duplicate_window is {} s, and should be {} s",
            has.as_secs(),
            needs.as_secs()
        ))
    } else {
        None
    }
}
