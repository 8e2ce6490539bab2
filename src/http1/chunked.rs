//! A strict reading of the chunked transfer coding (RFC 9112 section 7.1).
//!
//! A sender and a lenient reader can disagree on where a chunked body ends, and whatever lies
//! between is a request that nobody verified. So sizes are hexadecimal digits and nothing else,
//! lines end with CRLF and nothing else, and the lengths of lines are bounded. Extensions and
//! trailers are checked and dropped: the app is sent a `Content-Length`.

use bytes::{Buf, Bytes, BytesMut};

use super::fields::is_token_byte;
use super::head::is_field_line;

/// The most digits of a size. More would be beyond any limit for bodies, and could overflow.
const MAX_SIZE_DIGITS: usize = 15;
/// The most bytes of a line with a size, its extensions and CRLF counted.
const MAX_SIZE_LINE_BYTES: usize = 256;
/// The most bytes of all trailers of a body, each with its CRLF.
const MAX_TRAILER_BYTES: usize = 8 << 10;

/// Why a chunked body cannot be read in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ChunkError(&'static str);

impl ChunkError {
    /// What is wrong, in a few words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// The result of one step of reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// These bytes are the next of the body.
    Data(Bytes),
    /// More input is needed.
    More,
    /// The body is complete; what remains in the buffer is not part of it.
    End,
}

/// Reads a chunked body from a buffer that is filled piece by piece.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    state: State,
    trailer_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Size,
    Data { left: u64 },
    DataEnd,
    Trailers,
    Ended,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            state: State::Size,
            trailer_bytes: 0,
        }
    }
}

impl Decoder {
    /// How many bytes of the current chunk are still to come.
    #[must_use]
    pub fn announced(&self) -> u64 {
        match self.state {
            State::Data { left } => left,
            _ => 0,
        }
    }

    /// Takes what can be taken from `buffer`.
    ///
    /// # Errors
    /// The first thing that RFC 9112 does not allow. The decoder is of no use after it.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Step, ChunkError> {
        loop {
            match self.state {
                State::Size => {
                    let Some(line) = take_line(buffer, MAX_SIZE_LINE_BYTES)? else {
                        return Ok(Step::More);
                    };
                    self.state = match read_size(&line)? {
                        0 => State::Trailers,
                        left => State::Data { left },
                    };
                }
                State::Data { left } => {
                    if buffer.is_empty() {
                        return Ok(Step::More);
                    }
                    let wanted = usize::try_from(left).unwrap_or(usize::MAX);
                    let data = buffer.split_to(wanted.min(buffer.len())).freeze();
                    let taken = u64::try_from(data.len()).unwrap_or(u64::MAX);
                    self.state = match left.saturating_sub(taken) {
                        0 => State::DataEnd,
                        left => State::Data { left },
                    };
                    return Ok(Step::Data(data));
                }
                State::DataEnd => match buffer.get(..2) {
                    Some(b"\r\n") => {
                        buffer.advance(2);
                        self.state = State::Size;
                    }
                    None if b"\r\n".starts_with(buffer) => return Ok(Step::More),
                    _ => return Err(ChunkError("a chunk is longer than its size")),
                },
                State::Trailers => {
                    let room = MAX_TRAILER_BYTES.saturating_sub(self.trailer_bytes);
                    let Some(line) = take_line(buffer, room)? else {
                        return Ok(Step::More);
                    };
                    if line.is_empty() {
                        self.state = State::Ended;
                    } else if !is_field_line(&line) {
                        return Err(ChunkError("a trailer is not a header field"));
                    }
                    self.trailer_bytes = self
                        .trailer_bytes
                        .saturating_add(line.len())
                        .saturating_add(2);
                }
                State::Ended => return Ok(Step::End),
            }
        }
    }
}

/// Takes a line without its CRLF, if it is complete.
fn take_line(buffer: &mut BytesMut, max_bytes: usize) -> Result<Option<BytesMut>, ChunkError> {
    let allowed = buffer.get(..max_bytes).unwrap_or(buffer);
    let Some(end) = memchr::memchr(b'\n', allowed) else {
        return if buffer.len() > max_bytes {
            Err(ChunkError("a line of the chunked coding is too long"))
        } else {
            Ok(None)
        };
    };
    let mut line = buffer.split_to(end.saturating_add(1));
    if !line.ends_with(b"\r\n") {
        return Err(ChunkError("a line feed without a carriage return"));
    }
    line.truncate(line.len().saturating_sub(2));
    Ok(Some(line))
}

/// Whether these are extensions of a chunk (RFC 9112 section 7.1.1), without blanks: any number of
/// `;name`, `;name=token` or `;name="…"`. A text in quotation marks has to end in its line, because some
/// server could go on reading it in the next.
fn are_extensions(mut rest: &[u8]) -> bool {
    while let Some((first, after)) = rest.split_first() {
        let (name, after) = split_token(after);
        if *first != b';' || name.is_empty() {
            return false;
        }
        rest = match after.strip_prefix(b"=") {
            None => after,
            Some(value) if value.starts_with(b"\"") => match after_quoted(value) {
                Some(after) => after,
                None => return false,
            },
            Some(value) => {
                let (token, after) = split_token(value);
                if token.is_empty() {
                    return false;
                }
                after
            }
        };
    }
    true
}

fn split_token(bytes: &[u8]) -> (&[u8], &[u8]) {
    let is_other = |byte: &u8| !is_token_byte(*byte);
    let end = bytes.iter().position(is_other).unwrap_or(bytes.len());
    bytes.split_at_checked(end).unwrap_or_default()
}

/// What follows the quoted text at the beginning, if it ends.
fn after_quoted(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(b"\"")?;
    loop {
        let (first, after) = rest.split_first()?;
        rest = match (first, after) {
            (b'"', after) => return Some(after),
            (b'\\', [b'\t' | b' '..=b'~', after @ ..]) => after,
            (b'\t' | b' '..=b'[' | b']'..=b'~', after) => after,
            _ => return None,
        };
    }
}

fn read_size(line: &[u8]) -> Result<u64, ChunkError> {
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    if digits == 0 || digits > MAX_SIZE_DIGITS {
        return Err(ChunkError("a chunk size is not a hexadecimal number"));
    }
    let (size, extensions) = line.split_at_checked(digits).unwrap_or_default();
    if !are_extensions(extensions) {
        return Err(ChunkError(
            "a chunk size is followed by what is no extension",
        ));
    }
    size.iter()
        .try_fold(0_u64, |sum, byte| {
            let digit = char::from(*byte).to_digit(16)?;
            sum.checked_mul(16)?.checked_add(u64::from(digit))
        })
        .ok_or(ChunkError("a chunk size is not a hexadecimal number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body and what was left over; `None` if the input ends before it.
    type Decoded = Option<(Vec<u8>, Vec<u8>)>;

    /// Feeds `input` in pieces of `size` bytes.
    fn decode(input: &[u8], size: usize) -> Result<Decoded, ChunkError> {
        let mut decoder = Decoder::default();
        let mut buffer = BytesMut::new();
        let mut body = Vec::new();
        let mut pieces = input.chunks(size);
        loop {
            match decoder.next(&mut buffer)? {
                Step::Data(data) => body.extend_from_slice(&data),
                Step::End => {
                    let rest = [&buffer[..], &pieces.collect::<Vec<_>>().concat()].concat();
                    return Ok(Some((body, rest)));
                }
                Step::More => match pieces.next() {
                    Some(piece) => buffer.extend_from_slice(piece),
                    None => return Ok(None),
                },
            }
        }
    }

    #[test]
    fn sound_bodies_are_read_however_they_are_cut() {
        for (input, body) in [
            ("0\r\n\r\n", ""),
            ("3\r\nabc\r\n0\r\n\r\n", "abc"),
            ("A\r\n0123456789\r\n02\r\nab\r\n000\r\n\r\n", "0123456789ab"),
            ("2;a=b;c=\"d \\\"e\";f\r\n{}\r\n0;x\r\n\r\n", "{}"),
            ("1\r\nx\r\n0\r\nX-Trailer: y\r\nZ:\r\n\r\n", "x"),
            ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        ] {
            let input = format!("{input}GET / next");
            for size in 1..=input.len() {
                let expected = (body.as_bytes().to_vec(), b"GET / next".to_vec());
                assert_eq!(
                    decode(input.as_bytes(), size),
                    Ok(Some(expected)),
                    "{input:?} {size}"
                );
            }
        }
    }

    #[test]
    fn whatever_could_end_elsewhere_is_refused() {
        for input in [
            "\r\n{}\r\n0\r\n\r\n",
            ";a\r\n",
            " 2\r\n{}",
            "2 \r\n{}",
            "+2\r\n{}",
            "-2\r\n{}",
            "0x2\r\n{}",
            "g\r\n",
            "2\n{}\r\n0\r\n\r\n",
            "2\r\n{}\n0\r\n\r\n",
            "2\r\n{}XX",
            "2\r\n{}\rX",
            "2;a\nb\r\n{}",
            "2;a\rb\r\n{}",
            "2;\0\r\n{}",
            "2;\u{7f}\r\n{}",
            "2\t;a\r\n{}",
            "2;\r\n{}",
            "2;a=\r\n{}",
            "2;=b\r\n{}",
            "2; a\r\n{}",
            "2;a b\r\n{}",
            "2;a;;b\r\n{}",
            "2;(\r\n{}",
            "2;a=\"\r\n{}\r\n0\r\nX: \"\r\n\r\n",
            "2;a=\"b\\\"\r\n{}",
            "2;a=b\"c\"\r\n{}",
            "0;a=\"\r\n\r\n",
            "ffffffffffffffff\r\n",
            "0\r\nnocolon\r\n\r\n",
            "0\r\nX : y\r\n\r\n",
            "0\r\n folded\r\n\r\n",
            "0\r\nX: \0\r\n\r\n",
            "0\r\nX: y\n\r\n",
            "0\n\n",
            "0\r\n\n",
        ] {
            for size in [1, 3, input.len()] {
                assert!(decode(input.as_bytes(), size).is_err(), "{input:?} {size}");
            }
        }
    }

    #[test]
    fn what_does_not_end_is_bounded() {
        assert!(decode(&[b'1'; 300], 7).is_err());
        assert!(decode(format!("1;{}", "a".repeat(300)).as_bytes(), 7).is_err());
        let trailers = format!("0\r\n{}", "X-Trailer: y\r\n".repeat(1_000));
        assert!(decode(trailers.as_bytes(), 1_000).is_err());
        assert_eq!(decode(b"5\r\nab", 2), Ok(None));
    }
}
