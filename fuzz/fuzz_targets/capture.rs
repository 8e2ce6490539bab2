//! Raw requests: what the strict reading accepts has one framing, and the same bytes cut in two
//! places are read alike.

#![no_main]

use bytes::BytesMut;
use hookward::http1::chunked::{Decoder, Step};
use hookward::http1::head::{self, Framing};
use libfuzzer_sys::fuzz_target;

fn decode(input: &[u8], cut: usize) -> Option<(Vec<u8>, usize)> {
    let mut decoder = Decoder::default();
    let (first, second) = input.split_at(cut);
    let mut buffer = BytesMut::from(first);
    let mut second = Some(second);
    let mut body = Vec::new();
    loop {
        match decoder.next(&mut buffer) {
            Err(_) => return None,
            Ok(Step::Data(data)) => body.extend_from_slice(&data),
            Ok(Step::End) => return Some((body, buffer.len() + second.map_or(0, <[u8]>::len))),
            Ok(Step::More) => buffer.extend_from_slice(second.take()?),
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let _ = head::sketch(input);
    let Ok(Some(end)) = head::find_end(input, 0) else {
        return;
    };
    let Ok(head) = head::read(&input[..end]) else {
        return;
    };
    let text = input[..end].to_ascii_lowercase();
    let count = |name: &[u8]| text.windows(name.len()).filter(|window| *window == name).count();
    assert_eq!(count(b"\nhost:"), 1);
    assert!(count(b"\ncontent-length:") + count(b"\ntransfer-encoding:") <= 1);
    assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), count(b"\r\n"));
    if head.framing == Framing::Chunked {
        let body = &input[end..];
        let whole = decode(body, body.len());
        for cut in [0, 1, body.len() / 2, body.len().saturating_sub(1)] {
            let cut = cut.min(body.len());
            assert_eq!(decode(body, cut), whole, "cut at {cut}");
        }
    }
});
