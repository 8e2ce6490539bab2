//! `$'…'` of `bash`: a quoted text with the escapes of C. The tools of browsers copy with it what has line
//! ends or `!`.

/// Adds what is before the closing quote to a word, and returns what follows; nothing where there is no quote.
pub(super) fn take<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest.split_first()? {
            (b'\'', after) => return Some(after),
            (b'\\', after) => escape(after, word)?,
            (byte, after) => {
                word.push(*byte);
                after
            }
        };
    }
}

/// Adds what an escape stands for, of which the backslash was taken.
fn escape<'a>(rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (first, after) = rest.split_first()?;
    let plain = match first {
        b'a' => 0x07,
        b'b' => 0x08,
        b'e' | b'E' => 0x1b,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' | b'\'' | b'"' | b'?' => *first,
        b'0'..=b'7' => {
            let (value, after) = digits(rest, 8, 3)?;
            word.extend(u8::try_from(value & 0xff));
            return Some(after);
        }
        b'x' => return Some(number(after, 2, word, *first)),
        b'u' => return Some(number(after, 4, word, *first)),
        b'U' => return Some(number(after, 8, word, *first)),
        b'c' => {
            let (control, after) = after.split_first()?;
            word.push(control & 0x1f);
            return Some(after);
        }
        other => {
            word.extend([b'\\', *other]);
            return Some(after);
        }
    };
    word.push(plain);
    Some(after)
}

/// Adds the byte or the character of a hexadecimal escape. One without digits is no escape.
fn number<'a>(rest: &'a [u8], most: usize, word: &mut Vec<u8>, kind: u8) -> &'a [u8] {
    let Some((value, after)) = digits(rest, 16, most) else {
        word.extend([b'\\', kind]);
        return rest;
    };
    if kind == b'x' {
        word.extend(u8::try_from(value));
        return after;
    }
    // Chrome writes a character beyond U+FFFF as two halves. The browser sent the character.
    let low = after
        .strip_prefix(b"\\u")
        .and_then(|low| digits(low, 16, 4));
    let pair = low.and_then(|(low, after)| {
        let units = [u16::try_from(value).ok()?, u16::try_from(low).ok()?];
        let is_pair = (0xd800..0xdc00).contains(&value);
        let character = char::decode_utf16(units).next()?.ok().filter(|_| is_pair)?;
        Some((character, after))
    });
    let (character, after) = pair.unwrap_or_else(|| {
        let character = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
        (character, after)
    });
    word.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    after
}

/// The number that up to `most` digits make, if there is one.
fn digits(bytes: &[u8], radix: u32, most: usize) -> Option<(u32, &[u8])> {
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
    let count = bytes.iter().take(most).take_while(is_digit).count();
    let (digits, after) = bytes.split_at_checked(count)?;
    let digits = std::str::from_utf8(digits).ok()?;
    Some((u32::from_str_radix(digits, radix).ok()?, after))
}

#[cfg(test)]
mod tests {
    use super::take;

    #[test]
    fn escapes_are_those_of_bash() {
        // Each text was given to bash 5.2, but for the pair of halves, which it does not put together.
        for (text, expected) in [
            (
                r"a\n\r\t\a\b\e\E\f\v'",
                &b"a\n\r\t\x07\x08\x1b\x1b\x0c\x0b"[..],
            ),
            (r#"\\\'\"\?\q'"#, br#"\'"?\q"#),
            (r"\101\18\0012'", b"A\x018\x012"),
            (r"\x41\x4g\xe9\xzz'", b"A\x04g\xe9\\xzz"),
            (r"\u00e9\u21\u'", "\u{e9}!\\u".as_bytes()),
            (r"\U0001f600\u0021!'", "\u{1f600}!!".as_bytes()),
            (r"\cA\cz'", b"\x01\x1a"),
            (r"\ud83d\ude00'", "\u{1f600}".as_bytes()),
            ("\u{e9}\n'", "\u{e9}\n".as_bytes()),
        ] {
            let mut word = Vec::new();
            assert_eq!(take(text.as_bytes(), &mut word), Some(&b""[..]), "{text}");
            assert_eq!(
                word.escape_ascii().to_string(),
                expected.escape_ascii().to_string()
            );
        }
        for endless in ["", "a", r"\'", r"\", r"\c"] {
            assert_eq!(take(endless.as_bytes(), &mut Vec::new()), None, "{endless}");
        }
    }
}
