//! Bodies that were compressed when they were signed, and decompressed on their way.
//!
//! Compressors write the same bytes differently, so not every one can be made again: these are what zlib makes of
//! short bodies, in the wrappings that languages put around it.

use std::io::Read;

use flate2::{Compression, Crc};

use super::super::candidates::Candidates;

/// The levels at which bodies are compressed: what languages use where none is said, and the best. Of short bodies
/// they give the same, mostly, and the best is nearest to zlib's own.
const LEVELS: [u32; 2] = [9, 6];
/// The last two bytes of a header without a time (RFC 1952, section 2.3): how well it was compressed, and where.
/// Python, Node and PHP write the first three,
/// Java, Go and .NET the next, Node on a Mac or on Windows the last.
const HEADERS: [[u8; 2]; 9] = [
    [0, 3],
    [2, 3],
    [4, 3],
    [0, 0],
    [0, 255],
    [2, 255],
    [0, 10],
    [0, 19],
    [0, 11],
];
/// Those that Python and Ruby write after the time in seconds.
const TIMED: [[u8; 2]; 2] = [[2, 255], [0, 3]];
/// The first two bytes of a zlib stream (RFC 1950, section 2.2).
const ZLIB: [[u8; 2]; 3] = [[0x78, 0x9c], [0x78, 0xda], [0x78, 0x01]];

/// Whether a body is compressed, and not text.
pub(super) fn is_compressed(body: &[u8]) -> bool {
    matches!(body, [0x1f, 0x8b, ..]) || ZLIB.iter().any(|start| body.starts_with(start))
}

/// Adds what may have been signed, at about this time in milliseconds.
pub(super) fn undo(timestamp: &[u8], candidates: &mut Candidates<'_>) {
    let body = candidates.received();
    let mut crc = Crc::new();
    crc.update(body);
    let length = u32::try_from(body.len()).unwrap_or_default();
    let trailer = [crc.sum().to_le_bytes(), length.to_le_bytes()].concat();
    let signed_at = seconds(timestamp);
    for level in LEVELS {
        let Some(stream) = deflated(body, level) else {
            continue;
        };
        let gzip = |time: u32, last: [u8; 2]| {
            let start = [0x1f, 0x8b, 8, 0];
            [&start, &time.to_le_bytes()[..], &last, &stream, &trailer].concat()
        };
        for header in HEADERS {
            candidates.push(gzip(0, header));
        }
        if let Some(at) = signed_at {
            for header in TIMED {
                candidates.push(gzip(at, header));
                candidates.push(gzip(at.saturating_sub(1), header));
            }
        }
        let check = adler32(body).to_be_bytes();
        for start in ZLIB {
            candidates.push([&start, &stream[..], &check].concat());
        }
    }
}

fn deflated(body: &[u8], level: u32) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = flate2::read::DeflateEncoder::new(body, Compression::new(level));
    encoder.read_to_end(&mut out).ok().map(|_| out)
}

/// The seconds of a time in milliseconds.
fn seconds(timestamp: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(timestamp).ok()?;
    let millis: u64 = text.parse().ok()?;
    u32::try_from(millis.checked_div(1_000)?).ok()
}

/// The check of a zlib stream (RFC 1950, section 8.2).
fn adler32(body: &[u8]) -> u32 {
    const BASE: u32 = 65_521;
    let sums = body.iter().fold((1_u32, 0_u32), |(one, two), byte| {
        let one = one.saturating_add(u32::from(*byte)).checked_rem(BASE);
        let one = one.unwrap_or_default();
        (
            one,
            two.saturating_add(one)
                .checked_rem(BASE)
                .unwrap_or_default(),
        )
    });
    (sums.1 << 16) | sums.0
}
