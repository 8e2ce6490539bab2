//! The bodies that may have been signed, collected within what a search may cost.

use bytes::Bytes;

use crate::explain::supposed::Change;

/// The largest body that is rewritten, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 16 << 20;
/// How many bytes the candidates of one mistake may have in all. A search holds those of one at a time.
pub(in crate::explain) const MAX_TOTAL_BYTES: usize = 14 << 20;

/// How to receive a body as it was sent, in the words of whoever has to change it.
pub(super) const RAW: &str = "Pass the bytes on as they came: Express `express.raw({ type: '*/*' })` or `verify: (req, \
     res, buf)`, Flask `request.get_data()`, FastAPI `await request.body()`, PHP `php://input`, a \
     Cloudflare Worker `request.arrayBuffer()`.";

/// Bodies, each once, the likeliest first; never the received one.
pub(super) struct Candidates<'a> {
    received: &'a [u8],
    bodies: Vec<Bytes>,
    most: usize,
    bytes_left: usize,
}

impl<'a> Candidates<'a> {
    /// None yet, for a body that was received, and not more than `most`.
    pub(super) fn new(received: &'a [u8], most: usize) -> Self {
        let is_too_large = received.len() > MAX_BODY_BYTES;
        Self {
            received,
            bodies: Vec::new(),
            most: if is_too_large { 0 } else { most },
            bytes_left: MAX_TOTAL_BYTES,
        }
    }

    pub(super) fn received(&self) -> &'a [u8] {
        self.received
    }

    /// Whether further ones would be left out: ask before an expensive one is made.
    pub(super) fn is_full(&self) -> bool {
        self.bodies.len() >= self.most
    }

    /// Makes room for so many more, where any may be had.
    pub(super) fn make_room(&mut self, more: usize) {
        if self.most > 0 {
            self.most = self.most.saturating_add(more);
        }
    }

    /// Adds one, unless it is there already or is more than may be had.
    pub(super) fn push(&mut self, body: Vec<u8>) {
        if self.is_full() || body == self.received || self.bodies.iter().any(|other| *other == body)
        {
            return;
        }
        match self.bytes_left.checked_sub(body.len()) {
            Some(left) => {
                self.bytes_left = left;
                self.bodies.push(Bytes::from(body));
            }
            None => self.most = self.bodies.len(),
        }
    }

    /// Adds one, where there is one.
    pub(super) fn push_some(&mut self, body: Option<Vec<u8>>) {
        if let Some(body) = body {
            self.push(body);
        }
    }

    pub(super) fn into_changes(self) -> Vec<Change> {
        self.bodies.into_iter().map(Change::Body).collect()
    }
}
