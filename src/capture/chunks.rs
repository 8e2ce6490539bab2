//! The chunked transfer coding as captures have it: an editor may have changed its line ends, or taken the last.
//!
//! It is not read by the decoder for senders, which has to refuse all of that.

/// What the chunks hold, if a body consists of chunks and of nothing else.
pub(super) fn content(body: &[u8]) -> Option<Vec<u8>> {
    // One line end for all of them: with either for each, a chunk could end before or after a carriage return.
    let ends: [&[u8]; 2] = [b"\r\n", b"\n"];
    ends.iter().find_map(|end| with_line_end(body, end))
}

fn with_line_end(body: &[u8], end: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let mut rest = body;
    loop {
        let (line, after) = split_line(rest, end);
        let size = size(line)?;
        if size == 0 {
            return is_end(after, end).then_some(content);
        }
        let (data, after) = after.split_at_checked(size)?;
        content.extend_from_slice(data);
        rest = after.strip_prefix(end)?;
    }
}

/// Whether these are trailers and the empty line after them, which may be missing or there twice.
fn is_end(mut rest: &[u8], end: &[u8]) -> bool {
    loop {
        let (line, after) = split_line(rest, end);
        if line.is_empty() {
            return matches!(after, b"" | b"\n" | b"\r\n");
        }
        if !line.contains(&b':') {
            return false;
        }
        rest = after;
    }
}

fn size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|byte| *byte == b';').next()?;
    // `from_str_radix` would take a sign.
    let is_number = digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    usize::from_str_radix(digits, 16).ok()
}

/// A line without its end, and what follows. The last line may have no end.
fn split_line<'a>(bytes: &'a [u8], end: &[u8]) -> (&'a [u8], &'a [u8]) {
    let line = memchr::memmem::find(bytes, end).and_then(|at| bytes.split_at_checked(at));
    let (line, rest) = line.unwrap_or((bytes, b""));
    (line, rest.strip_prefix(end).unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::content;

    #[test]
    fn chunks_are_put_together_whatever_an_editor_did_to_their_line_ends() {
        for body in [
            "3\r\n{\"a\r\nA;x=y\r\n\": \"\r\n\u{e9}\"}\r\n0\r\n\r\n",
            "3\n{\"a\na\n\": \"\r\n\u{e9}\"}\n0\n\n",
            "3\r\n{\"a\r\n0a\r\n\": \"\r\n\u{e9}\"}\r\n0\r\nX-Sum: 1\r\n\r\n",
            "3\n{\"a\na\n\": \"\r\n\u{e9}\"}\n0",
            "3\n{\"a\na\n\": \"\r\n\u{e9}\"}\n0\n\n\n",
        ] {
            let content = content(body.as_bytes());
            let expected = "{\"a\": \"\r\n\u{e9}\"}";
            assert_eq!(content.as_deref(), Some(expected.as_bytes()), "{body:?}");
        }
        assert_eq!(content(b"0\r\n\r\n").as_deref(), Some(&b""[..]));
    }

    #[test]
    fn what_is_not_chunks_alone_is_left() {
        for body in [
            "",
            "{}",
            "2\r\n{}",
            "2\r\n{}\r\n",
            "3\r\n{}\r\n0\r\n\r\n",
            "2\n{}\r\n0\n\n",
            "1\r\n{}\r\n0\r\n\r\n",
            "+2\r\n{}\r\n0\r\n\r\n",
            "2\r\n{}\r\n0\r\n\r\nx",
            "2\r\n{}\r\n0\r\nx\r\n\r\n",
            "fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        ] {
            assert_eq!(content(body.as_bytes()), None, "{body:?}");
        }
    }
}
