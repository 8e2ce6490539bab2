//! Bytes of a request as they may be shown: no longer than is of use, and nothing that a terminal or a
//! log collector could take for something else.

/// The first `max_bytes` of it, with all but printable ASCII escaped.
pub(crate) fn shown(bytes: &[u8], max_bytes: usize) -> String {
    let shown = bytes.get(..max_bytes).unwrap_or(bytes);
    match std::str::from_utf8(shown) {
        // Most of it has nothing to escape, and looking is cheaper than writing byte by byte.
        Ok(text) if text.bytes().all(is_shown_as_it_is) => text.to_owned(),
        _ => shown.escape_ascii().to_string(),
    }
}

const fn is_shown_as_it_is(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b'\'' | b'"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_cut_and_escaped() {
        assert_eq!(shown(b"/a\n\x1b[2J\xff", 256), "/a\\n\\x1b[2J\\xff");
        assert_eq!(shown(&[b'x'; 300], 256).len(), 256);
        for byte in 0..=u8::MAX {
            let escaped = [byte].escape_ascii().to_string();
            assert_eq!(shown(&[byte], 1), escaped, "{byte}");
        }
    }
}
