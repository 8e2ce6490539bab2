//! Integers and texts as HPACK writes them (RFC 7541 section 5).

use httlib_huffman::DecoderSpeed;

/// Why a field cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// At least so many bytes are missing.
    Incomplete {
        missing: usize,
    },
    Malformed,
}

pub(super) const ONE_MISSING: Stop = Stop::Incomplete { missing: 1 };

/// The bytes of a section that were not read yet.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Result<u8, Stop> {
        let (first, rest) = self.0.split_first().ok_or(ONE_MISSING)?;
        self.0 = rest;
        Ok(*first)
    }

    /// An integer whose first byte has so many bits for it (RFC 7541 section 5.1).
    pub(super) fn integer(&mut self, bits: u32) -> Result<usize, Stop> {
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

    /// A text (RFC 7541 section 5.2).
    pub(super) fn text(&mut self) -> Result<Text<'a>, Stop> {
        let is_coded = self.0.first().ok_or(ONE_MISSING)? & 0x80 != 0;
        let length = self.integer(7)?;
        let missing = length.saturating_sub(self.0.len());
        let split = self.0.split_at_checked(length);
        let (bytes, rest) = split.ok_or(Stop::Incomplete { missing })?;
        self.0 = rest;
        Ok(Text { bytes, is_coded })
    }
}

/// A text of a field section.
pub(super) struct Text<'a> {
    bytes: &'a [u8],
    /// By Huffman's code.
    is_coded: bool,
}

impl<'a> Text<'a> {
    /// What it says. A coded text is decoded into `room`.
    pub(super) fn decoded<'r>(&self, room: &'r mut Vec<u8>) -> Result<&'r [u8], Stop>
    where
        'a: 'r,
    {
        if !self.is_coded {
            return Ok(self.bytes);
        }
        room.clear();
        // No code has fewer than five bits.
        room.reserve(self.bytes.len().saturating_mul(2));
        httlib_huffman::decode(self.bytes, room, DecoderSpeed::FourBits)
            .map_err(|_| Stop::Malformed)?;
        Ok(room)
    }
}
