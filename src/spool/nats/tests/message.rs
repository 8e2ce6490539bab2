use async_nats::HeaderMap;
use bytes::Bytes;

use super::rig::event;
use crate::spool::nats::message::{HEADER_ROOM, Meta, payload};
use crate::verify::Timestamp;

#[test]
fn an_event_is_read_as_it_was_written() {
    let event = event("a", b"body");
    let meta = Meta::of(&event);
    let headers = meta.headers("name");
    assert_eq!(headers.get("Nats-Msg-Id").unwrap().as_str(), "name");
    assert_eq!(Meta::read(&headers), Some(meta.clone()));
    let request = meta.request(payload(&event.request)).unwrap();
    assert_eq!(request.head(), event.request.head());
    assert_eq!(request.body().concat(), b"body");
}

#[test]
fn what_is_known_of_a_dead_letter_is_read_as_it_was_written() {
    let mut meta = Meta::of(&event("a", b""));
    meta.attempts = u32::MAX;
    meta.is_retried = true;
    meta.last_error = Some("connection refused".to_owned());
    assert_eq!(Meta::read(&meta.headers("name")), Some(meta));
}

#[test]
fn an_error_of_any_length_and_bytes_fits_into_a_header() {
    let mut meta = Meta::of(&event("a", b""));
    meta.received_at = Timestamp::from_millis(u64::MAX);
    meta.due_at = meta.received_at;
    meta.attempts = u32::MAX;
    meta.is_retried = true;
    meta.last_error = Some("\r\n\u{1f4a9}".repeat(1_000));
    let headers = meta.headers(&format!("{}-retry-{}", meta.id, u64::MAX));
    let lines = headers
        .iter()
        .map(|(name, values)| name.to_string().len() + values[0].as_str().len() + 4);
    assert!(lines.sum::<usize>() + 20 <= HEADER_ROOM);
}

#[test]
fn headers_of_others_are_no_event() {
    assert_eq!(Meta::read(&HeaderMap::new()), None);
    let whole = Meta::of(&event("a", b"")).headers("name");
    for name in [
        "Hookward-Event",
        "Hookward-Received-At",
        "Hookward-Due-At",
        "Hookward-Head",
        "Hookward-Attempts",
    ] {
        let mut headers = whole.clone();
        headers.insert(name, "-1");
        assert_eq!(Meta::read(&headers), None, "{name}");
    }
}

#[test]
fn a_payload_shorter_than_its_head_is_no_request() {
    let meta = Meta::of(&event("a", b""));
    assert!(meta.request(Bytes::from_static(b"POST")).is_none());
}
