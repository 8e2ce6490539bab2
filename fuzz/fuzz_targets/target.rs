//! Request targets, API keys in queries, and forwarding headers: what passes the checks has no dot
//! segment in any decoding, and a stripped key is gone.

#![no_main]

use hookward::http1::fields::{Field, Fields};
use hookward::handoff::forwarding::{self, Family};
use hookward::route::pattern::PathPattern;
use hookward::route::table::PathTable;
use hookward::http1::target::Target;
use hookward::verify::strip_query_key;
use libfuzzer_sys::fuzz_target;

/// Decodes percent escapes once.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut index = 0;
    while index < text.len() {
        let digits = text.get(index + 1..index + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if text[index] == b'%' => {
                out.push(byte);
                index += 3;
            }
            _ => {
                out.push(text[index]);
                index += 1;
            }
        }
    }
    out
}

fuzz_target!(|input: &[u8]| {
    if let Ok(target) = Target::parse(input) {
        if target.check().is_ok() {
            let path = decoded(target.path());
            let mut segments = path.split(|byte| matches!(byte, b'/' | b'\\' | b';'));
            assert!(!segments.any(|segment| segment == b"." || segment == b".."), "a dot segment passed");
            assert!(input.iter().all(|byte| byte.is_ascii_graphic()), "a byte without a place passed");
            if target.check_signed().is_ok() {
                assert!(!input.contains(&b'['), "a bracket passed");
            }
        }
        if let Some(query) = target.query() {
            let stripped = strip_query_key(query, "key").unwrap_or_default();
            let mut names = stripped.split(|byte| *byte == b'&');
            let is_key = |pair: &[u8]| {
                let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
                decoded(name) == b"key"
            };
            assert!(!names.any(is_key), "the key was left");
        }
        let patterns = ["/*", "/a/*", "/a/b/*", "/a"];
        let table = PathTable::new(patterns.map(|path| (PathPattern::parse(path).unwrap(), path)));
        assert!(table.find(target.path()).is_some());
    }
    for (name, family) in [
        ("forwarded", Family::Forwarded),
        ("x-forwarded-host", Family::XForwarded),
        ("x-forwarded-proto", Family::XForwarded),
    ] {
        let fields = [Field::new(name, input)];
        let _ = forwarding::reported(Fields::from(&fields[..]), family);
    }
});
