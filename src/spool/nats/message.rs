//! An event as a message: its headers tell what is known of it, its payload is head and body of the request.

use std::str::FromStr;

use async_nats::HeaderMap;
use bytes::{BufMut, Bytes, BytesMut};

use crate::handoff::Stored;
use crate::observe::text::shown;
use crate::spool::event::{Event, EventId};
use crate::verify::Timestamp;

const ID: &str = "Hookward-Event";
const RECEIVED_AT: &str = "Hookward-Received-At";
const DUE_AT: &str = "Hookward-Due-At";
/// How many bytes of the payload are the head.
const HEAD: &str = "Hookward-Head";
const ATTEMPTS: &str = "Hookward-Attempts";
const RETRIED: &str = "Hookward-Retried";
const ERROR: &str = "Hookward-Error";
/// Takes the place of an event that was given up.
const GIVEN_UP: &str = "Hookward-Given-Up";

/// The server counts a message once of those that have the same value.
const MESSAGE_ID: &str = "Nats-Msg-Id";
/// Set by the server where it leaves the payload away.
const PAYLOAD_BYTES: &str = "Nats-Msg-Size";

/// The headers of an event fit in so many bytes, also when it becomes a dead letter.
pub(super) const HEADER_ROOM: usize = 1024;
/// How much is kept of the reason why an attempt failed, in bytes.
const MAX_ERROR_BYTES: usize = 200;

/// What the headers of an event tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) id: EventId,
    pub(super) received_at: Timestamp,
    /// When the first attempt is due.
    pub(super) due_at: Timestamp,
    head_bytes: usize,
    /// Attempts that were made before the event became this message.
    pub(super) attempts: u32,
    pub(super) is_retried: bool,
    pub(super) last_error: Option<String>,
}

impl Meta {
    /// What is to be told of a new event.
    pub(super) fn of(event: &Event) -> Self {
        Self {
            id: event.id,
            received_at: event.received_at,
            due_at: event.due_at,
            head_bytes: event.request.head().len(),
            attempts: 0,
            is_retried: false,
            last_error: None,
        }
    }

    /// Reads headers. `None` where they are not of an event.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        Some(Self {
            id: number(headers, ID)?,
            received_at: Timestamp::from_millis(number(headers, RECEIVED_AT)?),
            due_at: Timestamp::from_millis(number(headers, DUE_AT)?),
            head_bytes: number(headers, HEAD)?,
            attempts: number(headers, ATTEMPTS)?,
            is_retried: headers.get(RETRIED).is_some(),
            last_error: headers.get(ERROR).map(|error| error.as_str().to_owned()),
        })
    }

    /// The headers, of a message that is to be counted once by the name `message_id`.
    pub(super) fn headers(&self, message_id: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, message_id);
        headers.insert(ID, self.id.to_string());
        headers.insert(RECEIVED_AT, self.received_at.to_string());
        headers.insert(DUE_AT, self.due_at.to_string());
        headers.insert(HEAD, self.head_bytes.to_string());
        headers.insert(ATTEMPTS, self.attempts.to_string());
        if self.is_retried {
            headers.insert(RETRIED, "1");
        }
        if let Some(error) = &self.last_error {
            headers.insert(ERROR, sound(error));
        }
        headers
    }

    /// The request in a payload. `None` where it is not as long as its headers say.
    pub(super) fn request(&self, mut payload: Bytes) -> Option<Stored> {
        if payload.len() < self.head_bytes {
            return None;
        }
        let head = payload.split_to(self.head_bytes);
        Some(Stored::read_back(head, payload))
    }
}

/// The payload for a request.
pub(super) fn payload(request: &Stored) -> Bytes {
    let length = usize::try_from(request.bytes()).unwrap_or_default();
    let mut payload = BytesMut::with_capacity(length);
    payload.put_slice(request.head());
    for piece in request.body() {
        payload.put_slice(piece);
    }
    payload.freeze()
}

/// How many bytes the payload has that the server left away.
pub(super) fn payload_bytes(headers: &HeaderMap) -> u64 {
    number(headers, PAYLOAD_BYTES).unwrap_or_default()
}

/// The headers of what takes the place of an event that was given up.
pub(super) fn given_up(message_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(MESSAGE_ID, message_id);
    headers.insert(GIVEN_UP, "1");
    headers
}

/// Whether these are such headers.
pub(super) fn is_given_up(headers: &HeaderMap) -> bool {
    headers.get(GIVEN_UP).is_some()
}

fn number<T: FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.as_str().parse().ok()
}

/// A text as a header may hold it, on one line and not long.
fn sound(text: &str) -> String {
    let mut sound = shown(text.as_bytes(), MAX_ERROR_BYTES);
    // What is shown is ASCII.
    sound.truncate(MAX_ERROR_BYTES);
    sound
}
