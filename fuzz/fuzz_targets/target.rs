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
            let has_place = |byte: &u8| byte.is_ascii_graphic() && !b"\"<>#".contains(byte);
            assert!(input.iter().all(has_place), "a byte without a place passed");
            assert!(!target.path().contains(&b'\\'), "a backslash passed in a path");
            if target.check_signed().is_ok() {
                assert!(!input.iter().any(|byte| b"[{\"".contains(byte)), "the beginning of JSON passed");
                let slashes = |text: &[u8]| text.iter().filter(|byte| b"/\\?".contains(byte)).count();
                assert_eq!(slashes(&path), slashes(target.path()), "an escaped separator passed");
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
        let patterns = ["/*", "/a/*", "/a/b/*", "//*", "///*", "/a//*"];
        let table = PathTable::new(patterns.map(|path| (PathPattern::parse(path).unwrap(), path)));
        let begins = |pattern: &&&str| target.path().starts_with(pattern.trim_end_matches('*').as_bytes());
        let longest = patterns.iter().filter(begins).max_by_key(|pattern| pattern.len());
        assert_eq!(table.find(target.path()), longest);
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
