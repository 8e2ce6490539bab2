//! Watches the frames of an HTTP/2 connection as they arrive (RFC 9113 section 4.1): how long a field
//! section has been unfinished, whether frames come that serve nothing, and what in a field section the
//! library keeps to itself.
//!
//! The library bounds what frames may make it hold. What it has no limit for is time: a field section that
//! never ends, and frames that only keep the processor busy.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::field_section::Reader;

/// What a client sends before its first frame (RFC 9113 section 3.4).
const PREFACE_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 9;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const CONTINUATION: u8 = 0x9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
/// What a HEADERS frame with a priority has before its field section, in bytes.
const PRIORITY_BYTES: usize = 5;

/// So many frames that serve nothing may come at once.
const BURST: u32 = 1_000;
/// And so many more each second.
const PER_SECOND: u32 = 200;

/// A request, or its trailers, comes with so many of them: credit for its answer, a PING.
const PER_STREAM: u32 = 4;
/// So many bytes of answers give reason for one.
const BYTES_PER_FRAME: usize = 512;

/// So many streams may have a mark that nobody has asked for.
const MAX_MARKS: usize = 256;

/// What is wrong with a stream and the library does not tell.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub(super) enum Mark {
    /// Its `:path` has a fragment.
    Fragment,
    /// It is malformed.
    Malformed,
    /// Its trailers are, or have pseudo-headers.
    MalformedTrailers,
}

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
    written: usize,
    section: Section,
    reader: Reader,
    last_stream: u32,
    marks: HashSet<(u32, Mark)>,
}

/// Where the frame that is being read stands in a field section.
#[derive(Default)]
struct Section {
    /// The frame is a part of one.
    is_in: bool,
    /// It is the last part.
    is_last: bool,
    is_padded: bool,
    stream: u32,
    /// How many bytes before the section are still to be left out.
    skipped: usize,
    /// How many bytes of the frame's section are still to come.
    left: usize,
}

impl Frames {
    /// The frames of a connection whose fields may have so many bytes.
    pub(super) fn new(now: Instant, max_field_bytes: usize) -> Self {
        Self {
            section: Section::default(),
            written: 0,
            reader: Reader::new(max_field_bytes),
            last_stream: 0,
            marks: HashSet::new(),
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

    /// Forgets what is wrong with requests before this stream's: they come in order, and the library has
    /// served or refused them.
    pub(super) fn forget_before(&mut self, stream: u32) {
        let is_kept =
            |marked: &(u32, Mark)| marked.0 >= stream || marked.1 == Mark::MalformedTrailers;
        self.marks.retain(is_kept);
    }

    /// Whether a stream has this mark, told once.
    pub(super) fn take_mark(&mut self, stream: u32, mark: Mark) -> bool {
        !self.marks.is_empty() && self.marks.remove(&(stream, mark))
    }

    /// Takes note of bytes that have arrived, in their order.
    pub(super) fn read(&mut self, mut bytes: &[u8], now: Instant) {
        let preface = take(&mut bytes, self.preface_left);
        self.preface_left = self.preface_left.saturating_sub(preface.len());
        while !bytes.is_empty() && !self.is_flooded {
            let payload = take(&mut bytes, self.payload_left);
            self.payload_left = self.payload_left.saturating_sub(payload.len());
            if self.section.is_in {
                self.read_section(payload);
            }
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
        let [a, b, c, kind, flags, stream @ ..] = self.header;
        let length = u32::from_be_bytes([0, a, b, c]);
        self.payload_left = usize::try_from(length).unwrap_or(usize::MAX);
        let is_headers = kind == HEADERS;
        let has_priority = is_headers && flags & PRIORITY != 0;
        self.section = Section {
            is_in: is_headers || kind == CONTINUATION,
            is_last: flags & END_HEADERS != 0,
            is_padded: is_headers && flags & PADDED != 0,
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
            skipped: if has_priority { PRIORITY_BYTES } else { 0 },
            left: self.payload_left,
        };
        if self.section.is_in && length == 0 {
            self.read_section(&[]);
        }
        match kind {
            HEADERS | CONTINUATION if flags & END_HEADERS != 0 => {
                if length > 0 {
                    self.unfinished_since.get_or_insert(now);
                }
                self.earn(PER_STREAM);
            }
            HEADERS | CONTINUATION => {
                self.unfinished_since.get_or_insert(now);
                // A section in pieces serves something, an empty piece of it does not.
                if kind == CONTINUATION && length == 0 {
                    self.spend(now);
                }
            }
            DATA if length > 0 || flags & END_STREAM != 0 => self.earn(1),
            _ => self.spend(now),
        }
    }

    /// Reads on in the field section that the frame is a part of.
    fn read_section(&mut self, mut payload: &[u8]) {
        let section = &mut self.section;
        if section.is_padded
            && let Some((padding, rest)) = payload.split_first()
        {
            section.is_padded = false;
            payload = rest;
            let padding = usize::from(*padding).saturating_add(1);
            section.left = section.left.saturating_sub(padding);
        }
        let skipped = take(&mut payload, section.skipped).len();
        section.skipped = section.skipped.saturating_sub(skipped);
        section.left = section.left.saturating_sub(skipped);
        let part = take(&mut payload, section.left);
        section.left = section.left.saturating_sub(part.len());
        let mut is_sound = self.reader.read(part).is_ok();
        if self.payload_left == 0 && self.section.is_last {
            is_sound &= self.end_section();
        }
        if !is_sound {
            // Nobody knows what comes after such a section. The library may have read it in another way, and hands
            // its request out at once.
            self.is_flooded = true;
            self.unfinished_since = None;
            self.marks.insert((self.section.stream, Mark::Malformed));
        }
    }

    fn end_section(&mut self) -> bool {
        let stream = self.section.stream;
        self.section.is_in = false;
        self.unfinished_since = None;
        let Ok(found) = self.reader.end() else {
            return false;
        };
        let mark = if stream <= self.last_stream {
            (found.pseudo || found.malformed).then_some(Mark::MalformedTrailers)
        } else if found.malformed {
            Some(Mark::Malformed)
        } else {
            found.fragment.then_some(Mark::Fragment)
        };
        self.last_stream = self.last_stream.max(stream);
        if let Some(mark) = mark {
            self.marks.insert((stream, mark));
        }
        self.marks.len() <= MAX_MARKS
    }

    /// Takes note of bytes that were sent. A sender says that it has read them (WINDOW_UPDATE).
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.written = self.written.saturating_add(bytes);
        let earned = self.written.checked_div(BYTES_PER_FRAME).unwrap_or(0);
        self.written = self.written.checked_rem(BYTES_PER_FRAME).unwrap_or(0);
        self.earn(u32::try_from(earned).unwrap_or(u32::MAX));
    }

    fn earn(&mut self, frames: u32) {
        self.credit = self.credit.saturating_add(frames).min(BURST);
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
        let mut whole = Frames::new(now, 100);
        whole.read(&bytes, now);
        let mut bytewise = Frames::new(now, 100);
        for byte in bytes.chunks(1) {
            bytewise.read(byte, now);
        }
        assert_eq!(whole.unfinished_since, bytewise.unfinished_since);
        assert_eq!(whole.credit, bytewise.credit);
        assert_eq!(whole.marks, bytewise.marks);
        whole
    }

    #[test]
    fn a_field_section_is_unfinished_until_its_last_frame() {
        let now = Instant::now();
        let open = [frame(4, 0, &[0; 6]), frame(HEADERS, 0, b"\x82")];
        assert_eq!(read(&open, now).unfinished_since(), Some(now));
        let closed = [open.concat(), frame(CONTINUATION, END_HEADERS, b"\x84")];
        assert_eq!(read(&closed, now).unfinished_since(), None);
        let begun = frame(HEADERS, END_HEADERS, b"\x82\x84");
        for count in FRAME_HEADER_BYTES..begun.len() {
            let begun = [begun[..count].to_vec()];
            assert_eq!(read(&begun, now).unfinished_since(), Some(now), "{count}");
        }
        assert_eq!(read(&[begun], now).unfinished_since(), None);
        let at_once = [frame(HEADERS, END_HEADERS, b"\x82")];
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
            frame(HEADERS, END_HEADERS, b"\x88"),
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

    #[test]
    fn a_stream_is_marked_for_what_the_library_does_not_tell() {
        let now = Instant::now();
        let path = b"\x82\x86\x04\x03/a#";
        let padded = [&b"\x02\0\0\0\0\x10"[..], path, b"\0\0"].concat();
        for frames in [
            [frame(HEADERS, END_HEADERS, path), Vec::new()],
            [
                frame(HEADERS, END_HEADERS | PADDED | PRIORITY, &padded),
                Vec::new(),
            ],
            [
                frame(HEADERS, 0, &path[..4]),
                frame(CONTINUATION, END_HEADERS, &path[4..]),
            ],
        ] {
            assert!(read(&frames, now).take_mark(1, Mark::Fragment));
        }
        let trailers = [
            frame(HEADERS, END_HEADERS, b"\x82\x86\x84"),
            frame(DATA, 0, b"a"),
            frame(HEADERS, END_HEADERS | END_STREAM, b"\x84"),
        ];
        let mut found = read(&trailers, now);
        assert!(!found.take_mark(1, Mark::Fragment));
        assert!(found.take_mark(1, Mark::MalformedTrailers));
        let mut sound = read(&trailers[..1], now);
        assert!(!sound.take_mark(1, Mark::MalformedTrailers));
        assert!(!sound.is_flooded());
        let mut unreadable = read(&[frame(HEADERS, END_HEADERS, b"\x00\x00\x00")], now);
        assert!(unreadable.is_flooded());
        assert!(unreadable.take_mark(1, Mark::Malformed));
    }
}
