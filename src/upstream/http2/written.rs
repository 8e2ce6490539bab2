//! Watches the frames of a connection as they are given to the system (RFC 9113 section 4.1): which requests
//! were begun, and which were sent to their end.
//!
//! The library takes frames into a buffer and does not say when they leave it. Whether a request may be
//! sent again after its connection ended depends on that, and so does whether the process may stop.

use std::collections::HashSet;

/// What a client sends before its first frame (RFC 9113 section 3.4).
const PREFACE_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 9;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const END_STREAM: u8 = 0x1;

/// What was given to the system of a connection.
pub(super) struct Written {
    preface_left: usize,
    header: [u8; FRAME_HEADER_BYTES],
    header_bytes: usize,
    payload_left: usize,
    /// The stream that ends with the frame whose payload is being written.
    ending: Option<u32>,
    /// The last stream of which something was written. Streams begin in the order of their numbers.
    last_begun: u32,
    /// Streams that were begun and not ended.
    unended: HashSet<u32>,
}

impl Written {
    pub(super) fn new() -> Self {
        Self {
            preface_left: PREFACE_BYTES,
            header: [0; FRAME_HEADER_BYTES],
            header_bytes: 0,
            payload_left: 0,
            ending: None,
            last_begun: 0,
            unended: HashSet::new(),
        }
    }

    /// Whether anything of a stream was written.
    pub(super) fn has_begun(&self, stream: u32) -> bool {
        stream <= self.last_begun
    }

    /// Whether all of a stream was written.
    pub(super) fn has_ended(&self, stream: u32) -> bool {
        self.has_begun(stream) && !self.unended.contains(&stream)
    }

    /// Nobody asks for this stream any more.
    pub(super) fn forget(&mut self, stream: u32) {
        self.unended.remove(&stream);
    }

    /// Takes note of bytes that were written, in their order. Returns whether a stream ended.
    pub(super) fn note(&mut self, mut bytes: &[u8]) -> bool {
        let mut has_ended = false;
        let preface = take(&mut bytes, self.preface_left);
        self.preface_left = self.preface_left.saturating_sub(preface.len());
        while !bytes.is_empty() {
            let payload = take(&mut bytes, self.payload_left);
            self.payload_left = self.payload_left.saturating_sub(payload.len());
            if self.payload_left > 0 {
                break;
            }
            has_ended |= self.end();
            let missing = FRAME_HEADER_BYTES.saturating_sub(self.header_bytes);
            let part = take(&mut bytes, missing);
            let room = self.header.iter_mut().skip(self.header_bytes);
            for (byte, written) in room.zip(part) {
                *byte = *written;
            }
            self.header_bytes = self.header_bytes.saturating_add(part.len());
            if self.header_bytes == FRAME_HEADER_BYTES {
                self.header_bytes = 0;
                self.begin_frame();
            }
        }
        if self.payload_left == 0 {
            has_ended |= self.end();
        }
        has_ended
    }

    fn begin_frame(&mut self) {
        let [a, b, c, kind, flags, stream @ ..] = self.header;
        self.payload_left = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        let stream = u32::from_be_bytes(stream) & (u32::MAX >> 1);
        if kind == HEADERS {
            self.last_begun = self.last_begun.max(stream);
            self.unended.insert(stream);
        }
        let ends = matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0;
        if ends || kind == RST_STREAM {
            self.ending = Some(stream);
        }
    }

    fn end(&mut self) -> bool {
        let ended = self.ending.take();
        ended.is_some_and(|stream| self.unended.remove(&stream))
    }
}

/// Takes up to `count` bytes from the front.
fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (front, rest) = bytes
        .split_at_checked(count)
        .unwrap_or((*bytes, Default::default()));
    *bytes = rest;
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    #[test]
    fn streams_begin_with_their_headers_and_end_with_the_last_byte() {
        const WINDOW_UPDATE: u8 = 0x8;
        let before = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            frame(0x4, 0, 0, &[0; 6]),
        ]
        .concat();
        let requests = [
            frame(HEADERS, 0x4, 1, b"block"),
            frame(HEADERS, 0x5, 3, b"block"),
            frame(WINDOW_UPDATE, END_STREAM, 1, &[0; 4]),
            frame(DATA, 0, 1, &[b'x'; 300]),
            frame(HEADERS, 0x4, 5, b""),
            frame(RST_STREAM, 0, 5, &[0; 4]),
        ]
        .concat();
        for step in [1, 2, 7, 9, 1_000] {
            let mut written = Written::new();
            for piece in before.chunks(step) {
                assert!(!written.note(piece));
            }
            assert!(!written.has_begun(1));
            for piece in requests.chunks(step) {
                written.note(piece);
            }
            assert!(written.has_begun(1) && !written.has_ended(1));
            assert!(written.has_ended(3) && written.has_ended(5));
            assert!(!written.has_begun(7) && !written.has_ended(7));
            let last = frame(DATA, END_STREAM, 1, b"end");
            let (most, rest) = last.split_at(last.len() - 1);
            for piece in most.chunks(step) {
                assert!(!written.note(piece));
            }
            assert!(!written.has_ended(1));
            assert!(written.note(rest));
            assert!(written.has_ended(1));
        }
    }
}
