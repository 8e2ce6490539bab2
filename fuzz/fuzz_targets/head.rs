//! Request heads, with `httparse` as a second opinion: what the strict reading accepts, a lenient parser
//! reads the same way.

#![no_main]

use hookward::http1::head::{self, Framing, Head};
use libfuzzer_sys::fuzz_target;

const MAX_FIELDS: usize = 300;

fn trim(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = value.iter().position(is_text).unwrap_or(value.len());
    let end = value.iter().rposition(is_text).map_or(start, |end| end + 1);
    &value[start..end]
}

/// What stands behind the authority of a target in absolute form; the target otherwise.
fn origin_form(target: &[u8]) -> &[u8] {
    if target.starts_with(b"/") {
        return target;
    }
    let colon = target.windows(3).position(|window| window == b"://").unwrap();
    let rest = &target[colon + 3..];
    let slash = rest.iter().position(|byte| *byte == b'/').unwrap();
    &rest[slash..]
}

fn compare(read: &Head<'_>, other: &httparse::Request<'_, '_>) {
    assert_eq!(Some(read.method), other.method);
    assert_eq!(Some(u8::from(read.is_http11)), other.version);
    assert_eq!(Some(read.target), other.path.map(|path| origin_form(path.as_bytes())));
    let ours = read.fields().iter().map(|field| (field.name, field.value));
    let theirs = other.headers.iter().map(|field| (field.name.as_bytes(), trim(field.value)));
    assert!(ours.eq(theirs), "the fields differ");
    let values = |name: &str| -> Vec<&[u8]> {
        let named = other.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        named.map(|field| trim(field.value)).collect()
    };
    assert_eq!(values("host").len(), 1);
    let lengths = values("content-length");
    let codings = values("transfer-encoding");
    match read.framing {
        Framing::None => assert!(lengths.is_empty() && codings.is_empty()),
        Framing::Length(length) => {
            assert_eq!(lengths, [length.to_string().as_bytes()]);
            assert!(codings.is_empty());
        }
        Framing::Chunked => {
            assert!(lengths.is_empty());
            assert_eq!(codings.len(), 1);
            assert!(codings[0].eq_ignore_ascii_case(b"chunked") && read.is_http11);
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let found = head::find_end(input, 0);
    for cut in [1, input.len() / 2] {
        let is_in_the_first = matches!(head::find_end(&input[..cut.min(input.len())], 0), Ok(Some(_)) | Err(_));
        if !is_in_the_first {
            assert_eq!(head::find_end(input, cut.min(input.len())), found, "cut at {cut}");
        }
    }
    let Ok(Some(end)) = found else {
        return;
    };
    let Ok(read) = head::read(&input[..end]) else {
        return;
    };
    let mut headers = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut other = httparse::Request::new(&mut headers);
    match other.parse(input) {
        Ok(httparse::Status::Complete(length)) => {
            assert_eq!(length, end, "the heads end in different places");
            compare(&read, &other);
        }
        Ok(httparse::Status::Partial) => panic!("only the strict reading found an end"),
        // httparse refuses some targets and values with bytes that are not ASCII.
        Err(httparse::Error::Token | httparse::Error::HeaderValue) => {
            let is_plain = input[..end].iter().all(|byte| matches!(byte, b'\r' | b'\n' | b'\t' | b' '..=b'~'));
            assert!(!is_plain, "only the strict reading accepts this");
        }
        Err(error) => panic!("only the strict reading accepts this: {error}"),
    }
});
