//! Field sections as HPACK writes them (RFC 7541), read beside the library for what it does not tell: a
//! fragment in `:path`, which is cut off in silence; pseudo-headers in trailers, which are dropped; and what
//! makes a request malformed (RFC 9113 section 8.2.2 and 8.3), which it forgets where a frame ends inside a
//! field.
//!
//! No field is kept. Of what the dynamic table holds, it is enough to know how large each entry is, what its
//! name means, and whether its value is wrong. Text is only decoded to learn that.

use std::collections::VecDeque;

use super::hpack::{Cursor, ONE_MISSING, Stop};
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
        let mut room = Vec::new();
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

    /// Coded texts are decoded into `room`.
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
                let text = bytes.text()?.decoded(room)?;
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
        // Decoding it costs more than all the rest. What is not known without is its length, which the table alone needs,
        // and whether its code is wrong, for which the library ends the connection.
        let is_told = is_indexed || matches!(name.meaning, Meaning::Path | Meaning::Te);
        let text = bytes.text()?;
        let value = if is_told {
            Value::of(text.decoded(room)?)
        } else {
            Value::default()
        };
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

#[cfg(test)]
mod tests;
