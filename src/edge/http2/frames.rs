//! Watches the frames of an HTTP/2 connection as they arrive (RFC 9113 section 4.1): how long a field
//! section has been unfinished, and whether frames come that serve nothing.
//!
//! The library bounds what frames may make it hold. What it has no limit for is time: a field section that
//! never ends, and frames that only keep the processor busy.

use std::time::{Duration, Instant};

/// What a client sends before its first frame (RFC 9113 section 3.4).
const PREFACE_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 9;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const CONTINUATION: u8 = 0x9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// So many frames that serve nothing may come at once.
const BURST: u32 = 1_000;
/// And so many more each second.
const PER_SECOND: u32 = 200;

/// What has come on a connection.
pub(super) struct Frames {
    preface_left: usize,
    header: [u8; FRAME_HEADER_BYTES],
    header_bytes: usize,
    payload_left: usize,
    /// Since when a field section has been unfinished.
    unfinished_since: Option<Instant>,
    /// How many frames that serve nothing may still come.
    credit: u32,
    counted_from: Instant,
    is_flooded: bool,
}

impl Frames {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            preface_left: PREFACE_BYTES,
            header: [0; FRAME_HEADER_BYTES],
            header_bytes: 0,
            payload_left: 0,
            unfinished_since: None,
            credit: BURST,
            counted_from: now,
            is_flooded: false,
        }
    }

    /// Since when a field section has been unfinished, if one is.
    pub(super) fn unfinished_since(&self) -> Option<Instant> {
        self.unfinished_since
    }

    /// More frames that serve nothing have come than may.
    pub(super) fn is_flooded(&self) -> bool {
        self.is_flooded
    }

    /// Takes note of bytes that have arrived, in their order.
    pub(super) fn read(&mut self, mut bytes: &[u8], now: Instant) {
        let preface = take(&mut bytes, self.preface_left);
        self.preface_left = self.preface_left.saturating_sub(preface.len());
        while !bytes.is_empty() {
            let payload = take(&mut bytes, self.payload_left);
            self.payload_left = self.payload_left.saturating_sub(payload.len());
            if self.payload_left > 0 {
                return;
            }
            let missing = FRAME_HEADER_BYTES.saturating_sub(self.header_bytes);
            let part = take(&mut bytes, missing);
            let room = self.header.iter_mut().skip(self.header_bytes);
            for (byte, came) in room.zip(part) {
                *byte = *came;
            }
            self.header_bytes = self.header_bytes.saturating_add(part.len());
            if self.header_bytes == FRAME_HEADER_BYTES {
                self.header_bytes = 0;
                self.begin_frame(now);
            }
        }
    }

    fn begin_frame(&mut self, now: Instant) {
        let [a, b, c, kind, flags, ..] = self.header;
        let length = u32::from_be_bytes([0, a, b, c]);
        self.payload_left = usize::try_from(length).unwrap_or(usize::MAX);
        match kind {
            HEADERS | CONTINUATION if flags & END_HEADERS != 0 => self.unfinished_since = None,
            HEADERS | CONTINUATION => {
                self.unfinished_since.get_or_insert(now);
                // A section in pieces serves something, an empty piece of it does not.
                if kind == CONTINUATION && length == 0 {
                    self.spend(now);
                }
            }
            DATA if length > 0 || flags & END_STREAM != 0 => {}
            _ => self.spend(now),
        }
    }

    /// Counts a frame that serves nothing.
    fn spend(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted_from);
        if passed >= Duration::from_secs(1) {
            let seconds = u32::try_from(passed.as_secs()).unwrap_or(u32::MAX);
            let more = PER_SECOND.saturating_mul(seconds);
            self.credit = self.credit.saturating_add(more).min(BURST);
            self.counted_from = now;
        }
        match self.credit.checked_sub(1) {
            Some(left) => self.credit = left,
            None => self.is_flooded = true,
        }
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
    *bytes = rest;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn read(parts: &[Vec<u8>], now: Instant) -> Frames {
        let bytes = [vec![b'x'; PREFACE_BYTES], parts.concat()].concat();
        let mut whole = Frames::new(now);
        whole.read(&bytes, now);
        let mut bytewise = Frames::new(now);
        for byte in bytes.chunks(1) {
            bytewise.read(byte, now);
        }
        assert_eq!(whole.unfinished_since, bytewise.unfinished_since);
        assert_eq!(whole.credit, bytewise.credit);
        whole
    }

    #[test]
    fn a_field_section_is_unfinished_until_its_last_frame() {
        let now = Instant::now();
        let open = [frame(4, 0, &[0; 6]), frame(HEADERS, 0, b"abc")];
        assert_eq!(read(&open, now).unfinished_since(), Some(now));
        let closed = [open.concat(), frame(CONTINUATION, END_HEADERS, b"d")];
        assert_eq!(read(&closed, now).unfinished_since(), None);
        let at_once = [frame(HEADERS, END_HEADERS, b"abc")];
        assert_eq!(read(&at_once, now).unfinished_since(), None);
    }

    #[test]
    fn frames_that_serve_nothing_are_counted_and_others_are_not() {
        let now = Instant::now();
        let ping = frame(6, 0, &[0; 8]);
        let many = ping.repeat(usize::try_from(BURST).unwrap());
        assert!(!read(std::slice::from_ref(&many), now).is_flooded());
        assert!(read(&[many.clone(), ping.clone()], now).is_flooded());
        let served = [
            frame(HEADERS, END_HEADERS, b"a"),
            frame(DATA, 0, b"b"),
            frame(DATA, END_STREAM, b""),
        ];
        assert!(!read(&[served.concat().repeat(2_000)], now).is_flooded());
        let empty = frame(DATA, 0, b"").repeat(2_000);
        assert!(read(&[empty], now).is_flooded());
        let mut later = read(std::slice::from_ref(&many), now);
        later.read(&many[..17 * 200], now + Duration::from_secs(1));
        assert!(!later.is_flooded());
        later.read(&ping, now + Duration::from_secs(1));
        assert!(later.is_flooded());
    }
}
