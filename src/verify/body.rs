//! The body of a request while it is verified: what is read into it is what is hashed, and what is
//! hashed is what is forwarded.
//!
//! It is kept in pieces of at most 256 KiB, as it was read, so that no byte is copied to join them. A piece
//! that waits for more input is cut to about what it holds: a sender that announces much and sends little
//! takes little. Small pieces are joined to the next, because a sender may chop a body into bytes, and a
//! piece costs more than a byte.

use bytes::{Bytes, BytesMut};

/// The largest piece, in bytes.
pub const MAX_PIECE_BYTES: usize = 256 << 10;
/// The smallest piece of a body whose length is not known.
const MIN_PIECE_BYTES: usize = 4 << 10;
/// A smaller piece is joined to the next, and moved to where there is more room.
const SMALL_PIECE_BYTES: usize = 16 << 10;
/// The room that a piece keeps while nothing comes: this, and [`SLACK_FACTOR`] times what it holds.
const SLACK_BYTES: usize = 1 << 10;
const SLACK_FACTOR: usize = 3;

/// A body, or what has arrived of it.
#[derive(Default)]
pub struct Body {
    pieces: Vec<Bytes>,
    open: BytesMut,
    /// How much of the open piece has been hashed.
    absorbed: usize,
    len: u64,
}

impl Body {
    /// Its length so far, in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its pieces, in order.
    #[must_use]
    pub fn into_pieces(mut self) -> Vec<Bytes> {
        self.close();
        self.pieces
    }

    /// Its pieces, in order, which it keeps: bytes are shared and not copied.
    #[must_use]
    pub fn share_pieces(&mut self) -> Vec<Bytes> {
        self.shrink();
        self.close();
        self.pieces.clone()
    }

    /// The memory that it holds while it waits for more, in bytes.
    #[must_use]
    pub fn held(&self) -> u64 {
        let open = self.open.len();
        let kept = self.open.capacity().min(open.saturating_add(slack(open)));
        let closed = self.len.saturating_sub(bytes(self.absorbed));
        closed.saturating_add(bytes(kept))
    }

    /// Where the next bytes go; has room for at least one, and more is made for `most` at a time. `left` is how
    /// many are still to come, where that is known.
    pub(super) fn room(&mut self, left: Option<u64>, most: usize) -> &mut BytesMut {
        let is_full = self.open.len() == self.open.capacity();
        if self.open.len() >= SMALL_PIECE_BYTES {
            if !is_full {
                return &mut self.open;
            }
            self.close();
        }
        let wanted = match left {
            Some(left) => usize::try_from(left).unwrap_or(usize::MAX).max(1),
            // As much again as has come, so that a long body takes few pieces.
            None => usize::try_from(self.len)
                .unwrap_or(usize::MAX)
                .max(MIN_PIECE_BYTES),
        };
        let wanted = self.open.len().saturating_add(wanted.min(most.max(1)));
        let capacity = wanted.min(MAX_PIECE_BYTES);
        if self.open.capacity() < capacity {
            self.move_into(capacity);
        }
        &mut self.open
    }

    /// The bytes that were added since the last call.
    pub(super) fn absorb(&mut self) -> &[u8] {
        let added = self.open.get(self.absorbed..).unwrap_or_default();
        self.absorbed = self.open.len();
        self.len = self.len.saturating_add(bytes(added.len()));
        added
    }

    /// Counts bytes that are not kept.
    pub(super) fn count(&mut self, passed: &[u8]) {
        self.len = self.len.saturating_add(bytes(passed.len()));
    }

    /// Gives back the room that is not worth holding while nothing comes.
    pub fn shrink(&mut self) {
        let len = self.open.len();
        let kept = match len {
            0 => 0,
            len => len.saturating_add(slack(len)),
        };
        if self.open.capacity() > kept {
            self.move_into(kept);
        }
    }

    fn move_into(&mut self, capacity: usize) {
        let mut open = BytesMut::with_capacity(capacity);
        open.extend_from_slice(&self.open);
        self.open = open;
    }

    fn close(&mut self) {
        self.absorbed = 0;
        if !self.open.is_empty() {
            self.pieces.push(std::mem::take(&mut self.open).freeze());
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

fn slack(len: usize) -> usize {
    len.saturating_mul(SLACK_FACTOR).saturating_add(SLACK_BYTES)
}

fn bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds bytes as a connection does: as many as there is room for, and then it waits.
    fn add(body: &mut Body, mut bytes: &[u8], left: Option<u64>) {
        while !bytes.is_empty() {
            let room = body.room(left, MAX_PIECE_BYTES);
            let count = bytes.len().min(room.capacity().saturating_sub(room.len()));
            assert!(count > 0);
            room.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            body.absorb();
        }
        body.shrink();
    }

    #[test]
    fn pieces_keep_their_order_and_their_bytes() {
        let mut body = Body::default();
        let mut expected = Vec::new();
        for (index, size) in [1, 1, 20_000, 3, 5, 16 << 10, 7, 300_000]
            .into_iter()
            .enumerate()
        {
            let bytes = vec![u8::try_from(index).unwrap(); size];
            expected.extend_from_slice(&bytes);
            add(&mut body, &bytes, None);
        }
        assert_eq!(body.len(), u64::try_from(expected.len()).unwrap());
        let pieces = body.into_pieces();
        assert!(pieces.iter().all(|piece| piece.len() <= MAX_PIECE_BYTES));
        assert_eq!(pieces.concat(), expected);
    }

    #[test]
    fn a_body_chopped_into_bytes_takes_few_pieces_and_little_memory() {
        let mut body = Body::default();
        for _ in 0..200_000_u64 {
            add(&mut body, b"x", None);
        }
        assert!(body.held() <= 2 * 200_000, "{}", body.held());
        assert!(body.into_pieces().len() <= 13);
    }

    #[test]
    fn what_is_announced_and_does_not_come_is_not_held() {
        let mut body = Body::default();
        add(&mut body, b"x", Some(65_535));
        assert!(body.held() <= 2 << 10, "{}", body.held());
        let mut whole = Body::default();
        whole
            .room(Some(3), MAX_PIECE_BYTES)
            .extend_from_slice(b"abc");
        whole.absorb();
        assert_eq!(whole.held(), 3);
    }
}
