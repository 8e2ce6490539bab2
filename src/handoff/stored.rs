//! A permitted request as it waits for its app: the bytes that the app would have received, and nothing else.
//!
//! It is made of an [`Outbound`], and so of a request that was permitted, and becomes an `Outbound` again for each
//! attempt. [`Stored::read_back`] is for the stores of events alone: what they read is what they were given.

use bytes::{BufMut, Bytes, BytesMut};

use super::outbound::{Outbound, put, put_number};
use super::{ATTEMPT, DELIVERY, RECEIVED_AT};
use crate::verify::Timestamp;

const EMPTY_LINE: &[u8] = b"\r\n";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
/// What is added to a head fits in this.
const ADDED_BYTES: usize = 160;

/// A request that waits.
#[derive(Clone)]
pub struct Stored {
    head: Bytes,
    body: Vec<Bytes>,
}

/// What the app is told of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The event's name, the same at every attempt.
    pub id: &'a str,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// When the request came.
    pub received_at: Timestamp,
}

impl Stored {
    /// Of a request that goes to the app as well, or later. The body is shared and not copied.
    #[must_use]
    pub fn of(outbound: &Outbound) -> Self {
        let (head, body) = outbound.parts();
        Self {
            head: head.clone(),
            body: body.to_vec(),
        }
    }

    /// What a store had been given, read from there.
    pub(crate) fn read_back(head: Bytes, body: Bytes) -> Self {
        Self {
            head,
            body: vec![body],
        }
    }

    /// The head, with its empty line.
    #[must_use]
    pub fn head(&self) -> &Bytes {
        &self.head
    }

    /// The body in pieces.
    #[must_use]
    pub fn body(&self) -> &[Bytes] {
        &self.body
    }

    /// How many bytes the body has.
    #[must_use]
    pub fn body_len(&self) -> u64 {
        let lengths = self.body.iter().map(|piece| piece.len() as u64);
        lengths.fold(0, u64::saturating_add)
    }

    /// How many bytes head and body have.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.body_len().saturating_add(self.head.len() as u64)
    }

    /// The request for one attempt. `None` where its head is none, because somebody has changed what was stored.
    #[must_use]
    pub fn attempt(self, delivery: Delivery<'_>) -> Option<Outbound> {
        let lines = self.head.strip_suffix(END_OF_HEAD)?;
        let mut head = BytesMut::with_capacity(self.head.len().saturating_add(ADDED_BYTES));
        head.put_slice(lines);
        head.put_slice(EMPTY_LINE);
        put(&mut head, DELIVERY, delivery.id);
        put_number(&mut head, ATTEMPT, u64::from(delivery.attempt));
        put_number(&mut head, RECEIVED_AT, delivery.received_at.as_millis());
        head.put_slice(EMPTY_LINE);
        Some(Outbound::of_parts(head.freeze(), self.body))
    }
}
