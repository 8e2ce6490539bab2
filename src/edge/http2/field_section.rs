//! Field sections as HPACK writes them (RFC 7541), read beside the library for what it does not tell: a
//! fragment in `:path`, which is cut off in silence; pseudo-headers in trailers, which are dropped; and what
//! makes a request malformed (RFC 9113 section 8.2.2 and 8.3), which it forgets where a frame ends inside a
//! field.
//!
//! No field is kept. Of what the dynamic table holds, it is enough to know how large each entry is, what its
//! name means, and whether its value is wrong. Text is only decoded to learn that.

use std::collections::VecDeque;

use httlib_huffman::DecoderSpeed;

use crate::http1::fields::is_token_byte;

/// The largest dynamic table that is allowed, in bytes: what holds where no setting says otherwise (RFC 9113
/// section 6.5.2).
const MAX_TABLE_BYTES: usize = 4_096;
/// What an entry counts for besides its bytes (RFC 7541 section 4.1).
const ENTRY_BYTES: usize = 32;

/// The lengths of the names of the static table (RFC 7541 appendix A).
const STATIC_NAMES: [u8; 61] = [
    10, 7, 7, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 14, 15, 15, 13, 6, 27, 3, 5, 13, 13, 19, 16, 16, 14,
    16, 13, 12, 6, 4, 4, 6, 7, 4, 4, 8, 17, 13, 8, 19, 13, 4, 8, 12, 18, 19, 5, 7, 7, 11, 6, 10,
    25, 17, 10, 4, 3, 16,
];

/// What a field's name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// A pseudo-header that a request has once. The bit tells them apart.
    Once(u8),
    Path,
    /// Speaks of the connection, or is no name: no request may have it.
    Forbidden,
    /// May only say `trailers`.
    Te,
    Other,
}

const METHOD: Meaning = Meaning::Once(1);
const SCHEME: Meaning = Meaning::Once(2);
const AUTHORITY: Meaning = Meaning::Once(4);
const PATH_BIT: u8 = 8;

impl Meaning {
    fn of(name: &[u8]) -> Self {
        match name {
            b":method" => METHOD,
            b":scheme" => SCHEME,
            b":authority" => AUTHORITY,
            b":path" => Self::Path,
            b"te" => Self::Te,
            b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding"
            | b"upgrade" => Self::Forbidden,
            _ if name.iter().all(|byte| is_name_byte(*byte)) => Self::Other,
            _ => Self::Forbidden,
        }
    }

    /// Of an entry of the static table, by its index.
    fn of_static(index: usize) -> Self {
        match index {
            1 => AUTHORITY,
            2 | 3 => METHOD,
            4 | 5 => Self::Path,
            6 | 7 => SCHEME,
            // `:status`, and Transfer-Encoding.
            8..=14 | 57 => Self::Forbidden,
            _ => Self::Other,
        }
    }

    const fn pseudo_bit(self) -> Option<u8> {
        match self {
            Self::Once(bit) => Some(bit),
            Self::Path => Some(PATH_BIT),
            Self::Forbidden | Self::Te | Self::Other => None,
        }
    }
}

/// Names have no capitals in HTTP/2 (RFC 9113 section 8.2.1).
fn is_name_byte(byte: u8) -> bool {
    is_token_byte(byte) && !byte.is_ascii_uppercase()
}

/// What is known of a field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    bytes: usize,
    meaning: Meaning,
}

/// What is known of a field's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Value {
    bytes: usize,
    has_fragment: bool,
    is_trailers: bool,
}

impl Value {
    fn of(text: &[u8]) -> Self {
        Self {
            bytes: text.len(),
            has_fragment: text.contains(&b'#'),
            is_trailers: text == b"trailers",
        }
    }
}

/// An entry of the dynamic table.
#[derive(Clone, Copy, Debug)]
struct Entry {
    name: Name,
    value: Value,
}

impl Entry {
    /// How many bytes it counts for.
    const fn bytes(&self) -> usize {
        let text = self.name.bytes.saturating_add(self.value.bytes);
        text.saturating_add(ENTRY_BYTES)
    }
}

/// What a field section has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// A `:path` with a fragment.
    pub(super) fragment: bool,
    /// Any pseudo-header.
    pub(super) pseudo: bool,
    /// A pseudo-header twice or behind a field, a field of the connection, a name that is none.
    pub(super) malformed: bool,
}

/// The bytes are no field section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Reads the field sections of one connection, in their order.
#[derive(Debug)]
pub(super) struct Reader {
    /// What has come of a field that is not complete.
    rest: Vec<u8>,
    /// How many bytes the field has at least.
    wanted: usize,
    table: VecDeque<Entry>,
    table_bytes: usize,
    max_table_bytes: usize,
    /// The longest field, in bytes.
    max_field_bytes: usize,
    found: Found,
    /// The pseudo-headers that have come, by their bits.
    pseudo_seen: u8,
    /// A field has come that is no pseudo-header.
    has_fields: bool,
}

impl Reader {
    /// A reader that takes fields up to this many bytes.
    pub(super) fn new(max_field_bytes: usize) -> Self {
        Self {
            rest: Vec::new(),
            wanted: 0,
            table: VecDeque::new(),
            table_bytes: 0,
            max_table_bytes: MAX_TABLE_BYTES,
            max_field_bytes,
            found: Found::default(),
            pseudo_seen: 0,
            has_fields: false,
        }
    }

    /// Reads on in a section.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            return self.read_fields(bytes);
        }
        self.rest.extend_from_slice(bytes);
        if self.rest.len() < self.wanted {
            // The field is not read before it is complete: it may come a byte at a time.
            return Ok(());
        }
        let text = std::mem::take(&mut self.rest);
        self.read_fields(&text)
    }

    /// Reads what begins with a field, and keeps what is not complete.
    fn read_fields(&mut self, text: &[u8]) -> Result<(), Malformed> {
        let mut room = Vec::with_capacity(text.len().saturating_mul(2));
        let mut rest = Cursor(text);
        while !rest.0.is_empty() {
            let before = rest.0;
            match self.read_field(&mut rest, &mut room) {
                Ok(()) => {}
                Err(Stop::Incomplete { missing }) => {
                    self.wanted = before.len().saturating_add(missing);
                    if self.wanted > self.max_field_bytes {
                        return Err(Malformed);
                    }
                    self.rest = before.to_vec();
                    return Ok(());
                }
                Err(Stop::Malformed) => return Err(Malformed),
            }
        }
        Ok(())
    }

    /// Ends a section.
    pub(super) fn end(&mut self) -> Result<Found, Malformed> {
        if !self.rest.is_empty() {
            return Err(Malformed);
        }
        self.pseudo_seen = 0;
        self.has_fields = false;
        Ok(std::mem::take(&mut self.found))
    }

    /// `room` is for the field's texts.
    fn read_field(&mut self, bytes: &mut Cursor<'_>, room: &mut Vec<u8>) -> Result<(), Stop> {
        let first = bytes.0.first().copied().ok_or(ONE_MISSING)?;
        if first & 0x80 != 0 {
            let index = bytes.integer(7)?;
            let entry = self.entry(index)?;
            self.note(entry);
            return Ok(());
        }
        if first & 0xe0 == 0x20 {
            let max = bytes.integer(5)?;
            if max > MAX_TABLE_BYTES {
                return Err(Stop::Malformed);
            }
            self.max_table_bytes = max;
            self.evict(0);
            return Ok(());
        }
        let is_indexed = first & 0x40 != 0;
        let name = match bytes.integer(if is_indexed { 6 } else { 4 })? {
            0 => {
                let text = bytes.string(room)?;
                if text.is_empty() {
                    // The library does not put it into its table, or waits for more of it: what it reads
                    // from here on is not known.
                    return Err(Stop::Malformed);
                }
                Name {
                    bytes: text.len(),
                    meaning: Meaning::of(text),
                }
            }
            index => self.entry(index)?.name,
        };
        let value = Value::of(bytes.string(room)?);
        let entry = Entry { name, value };
        self.note(entry);
        if is_indexed {
            self.insert(entry);
        }
        Ok(())
    }

    fn note(&mut self, Entry { name, value }: Entry) {
        let found = &mut self.found;
        if let Some(bit) = name.meaning.pseudo_bit() {
            found.malformed |= self.pseudo_seen & bit != 0 || self.has_fields;
            found.fragment |= name.meaning == Meaning::Path && value.has_fragment;
            found.pseudo = true;
            self.pseudo_seen |= bit;
            return;
        }
        self.has_fields = true;
        found.malformed |= match name.meaning {
            Meaning::Forbidden => true,
            Meaning::Te => !value.is_trailers,
            Meaning::Other | Meaning::Once(_) | Meaning::Path => false,
        };
    }

    /// The entry with this index, from 1: the static table's, then the dynamic one's, its newest first.
    fn entry(&self, index: usize) -> Result<Entry, Stop> {
        let place = index.checked_sub(1).ok_or(Stop::Malformed)?;
        if let Some(bytes) = STATIC_NAMES.get(place) {
            let name = Name {
                bytes: usize::from(*bytes),
                meaning: Meaning::of_static(index),
            };
            let value = Value::default();
            return Ok(Entry { name, value });
        }
        let entry = self.table.get(place.saturating_sub(STATIC_NAMES.len()));
        entry.copied().ok_or(Stop::Malformed)
    }

    fn insert(&mut self, entry: Entry) {
        let bytes = entry.bytes();
        self.evict(bytes);
        if bytes <= self.max_table_bytes {
            self.table_bytes = self.table_bytes.saturating_add(bytes);
            self.table.push_front(entry);
        }
    }

    /// Takes out the oldest entries until there is room for one of so many bytes (RFC 7541 section 4.4).
    fn evict(&mut self, room: usize) {
        while self.table_bytes.saturating_add(room) > self.max_table_bytes {
            let Some(oldest) = self.table.pop_back() else {
                return;
            };
            self.table_bytes = self.table_bytes.saturating_sub(oldest.bytes());
        }
    }
}

/// Why a field cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// At least so many bytes are missing.
    Incomplete {
        missing: usize,
    },
    Malformed,
}

const ONE_MISSING: Stop = Stop::Incomplete { missing: 1 };

/// The bytes of a section that were not read yet.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn byte(&mut self) -> Result<u8, Stop> {
        let (first, rest) = self.0.split_first().ok_or(ONE_MISSING)?;
        self.0 = rest;
        Ok(*first)
    }

    /// An integer whose first byte has so many bits for it (RFC 7541 section 5.1).
    fn integer(&mut self, bits: u32) -> Result<usize, Stop> {
        let mask = 0xff_u8
            .checked_shr(8_u32.saturating_sub(bits))
            .unwrap_or(0xff);
        let first = self.byte()? & mask;
        let mut value = usize::from(first);
        if first < mask {
            return Ok(value);
        }
        // More digits stand for more than any field may have.
        for shift in [0_u32, 7, 14, 21] {
            let next = self.byte()?;
            let digits = usize::from(next & 0x7f).checked_shl(shift);
            value = value.saturating_add(digits.ok_or(Stop::Malformed)?);
            if next & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Stop::Malformed)
    }

    /// A text, decoded into `room` (RFC 7541 section 5.2).
    fn string<'r>(&mut self, room: &'r mut Vec<u8>) -> Result<&'r [u8], Stop> {
        let is_coded = self.0.first().ok_or(ONE_MISSING)? & 0x80 != 0;
        let length = self.integer(7)?;
        let missing = length.saturating_sub(self.0.len());
        let split = self.0.split_at_checked(length);
        let (text, rest) = split.ok_or(Stop::Incomplete { missing })?;
        self.0 = rest;
        room.clear();
        if is_coded {
            httlib_huffman::decode(text, room, DecoderSpeed::FourBits)
                .map_err(|_| Stop::Malformed)?;
        } else {
            room.extend_from_slice(text);
        }
        Ok(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(reader: &mut Reader, section: &[u8]) -> Result<Found, Malformed> {
        reader.read(section)?;
        reader.end()
    }

    fn of(fragment: bool, pseudo: bool) -> Result<Found, Malformed> {
        Ok(Found {
            fragment,
            pseudo,
            malformed: false,
        })
    }

    #[test]
    fn the_examples_of_the_standard_are_read_with_their_tables() {
        // RFC 7541 appendix C.4: requests with Huffman coding, and the size of the table after each.
        let mut reader = Reader::new(1_000);
        for (section, bytes) in [
            ("828684418cf1e3c2e5f23a6ba0ab90f4ff", 57),
            ("828684be5886a8eb10649cbf", 110),
            ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", 164),
        ] {
            let section = hex::decode(section).unwrap();
            assert_eq!(found(&mut reader, &section), of(false, true));
            assert_eq!(reader.table_bytes, bytes);
        }
        // Appendix C.5: answers whose table of 256 bytes has no room for all.
        let mut reader = Reader::new(1_000);
        reader.max_table_bytes = 256;
        for (section, bytes) in [
            (
                "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
                222,
            ),
            ("4803333037c1c0bf", 222),
        ] {
            let section = hex::decode(section).unwrap();
            assert!(found(&mut reader, &section).is_ok());
            assert_eq!(reader.table_bytes, bytes);
        }
    }

    #[test]
    fn a_fragment_is_found_in_every_spelling() {
        let plain = b"\x04\x03/a#";
        let named = b"\x00\x05:path\x03/a#";
        let mut coded = Vec::new();
        httlib_huffman::encode(b"/a#b", &mut coded).unwrap();
        let length = u8::try_from(coded.len()).unwrap() | 0x80;
        let coded = [&[0x04, length][..], &coded].concat();
        for section in [&plain[..], named, &coded] {
            assert_eq!(found(&mut Reader::new(100), section), of(true, true));
        }
        let mut reader = Reader::new(100);
        assert_eq!(found(&mut reader, b"\x44\x03/a#"), of(true, true));
        assert_eq!(
            found(&mut reader, b"\xbe"),
            of(true, true),
            "from the table"
        );
        assert_eq!(found(&mut reader, b"\x04\x02/a"), of(false, true));
        let field = b"\x00\x01x\x01#";
        assert_eq!(found(&mut reader, field), of(false, false));
    }

    #[test]
    fn what_no_request_may_have_is_found_wherever_the_section_is_cut() {
        let sound = b"\x82\x86\x84\x41\x01a\x40\x02te\x08trailers\x00\x01x\x01y";
        let sections: [(&[u8], bool); 14] = [
            (sound, false),
            (b"\x82\x86\x84\x01\x01a\xbe", false),
            (b"\x82\x86\x84\x84\x01\x01a", true),
            (b"\x82\x83\x86\x84", true),
            (b"\x82\x86\x87\x84", true),
            (b"\x01\x01a\x01\x01b", true),
            (b"\x82\x86\x00\x01x\x01y\x84", true),
            (b"\x82\x86\x84\x88", true),
            (b"\x82\x86\x84\x00\x02te\x04gzip", true),
            (b"\x82\x86\x84\x0f\x2a\x07chunked", true),
            (b"\x82\x86\x84\x00\x0aconnection\x01x", true),
            (b"\x82\x86\x84\x00\x07upgrade\x01x", true),
            (b"\x82\x86\x84\x00\x09:protocol\x01x", true),
            (b"\x82\x86\x84\x00\x01X\x01x", true),
        ];
        for (section, is_malformed) in sections {
            for cut in 0..section.len() {
                let mut reader = Reader::new(100);
                // What the second section takes from the table.
                reader.read(b"\x40\x01y\x01y").unwrap();
                assert_eq!(reader.end(), of(false, false));
                reader.read(&section[..cut]).unwrap();
                let found = found(&mut reader, &section[cut..]).unwrap();
                assert_eq!(found.malformed, is_malformed, "{section:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_section_in_pieces_is_the_same_section() {
        let section = hex::decode("8286418cf1e3c2e5f23a6ba0ab90f4ff4403").unwrap();
        let section = [&section[..], b"/a#"].concat();
        for cut in 0..section.len() {
            let mut reader = Reader::new(100);
            reader.read(&section[..cut]).unwrap();
            assert_eq!(found(&mut reader, &section[cut..]), of(true, true), "{cut}");
        }
    }

    #[test]
    fn what_is_no_section_is_told() {
        for bytes in [
            &b"\x80"[..],
            b"\xff\xff\xff\xff\xff\xff",
            b"\xff\x80\x01",
            b"\x3f\xe2\x1f",
            b"\x00\x81\xff\x00",
            b"\x00\x00\x01x",
            b"\x40\x00\x01x",
            b"\x04\x03/a",
            b"\x00",
        ] {
            assert_eq!(
                found(&mut Reader::new(100), bytes),
                Err(Malformed),
                "{bytes:?}"
            );
        }
        let long = [&b"\x04\x7f\x81\x01"[..], &[b'a'; 101]].concat();
        assert_eq!(Reader::new(100).read(&long), Err(Malformed));
    }
}
