//! The head of a refused request, copied as it came: to be put into a file by the thread that writes.
//!
//! Copying is all that is done before the sender has its answer. What must not be kept is looked for later, because
//! that takes longer, and how long tells something of the keys.

use crate::http1::fields::Field;
use crate::http1::head::Head;

/// A head in one piece of memory.
pub(super) struct Copied {
    text: Vec<u8>,
    method_end: usize,
    target_end: usize,
    /// Where the name of each field ends, and its value.
    fields: Vec<(usize, usize)>,
    pub(super) is_http11: bool,
}

impl Copied {
    pub(super) fn of(head: &Head<'_>) -> Self {
        let mut text = Vec::with_capacity(text_bytes(head));
        let mut put = |bytes: &[u8]| {
            text.extend_from_slice(bytes);
            text.len()
        };
        let method_end = put(head.method.as_bytes());
        let target_end = put(head.target);
        let mut fields = Vec::with_capacity(head.fields().iter().count());
        for field in head.fields().iter() {
            fields.push((put(field.name), put(field.value)));
        }
        Self {
            text,
            method_end,
            target_end,
            fields,
            is_http11: head.is_http11,
        }
    }

    /// How much memory a copy takes, in bytes.
    pub(super) fn bytes(head: &Head<'_>) -> usize {
        let fields = head.fields().iter().count();
        text_bytes(head).saturating_add(fields.saturating_mul(size_of::<(usize, usize)>()))
    }

    pub(super) fn method(&self) -> &[u8] {
        self.text.get(..self.method_end).unwrap_or_default()
    }

    pub(super) fn target(&self) -> &[u8] {
        let target = self.text.get(self.method_end..self.target_end);
        target.unwrap_or_default()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        let mut start = self.target_end;
        self.fields.iter().map(move |(name_end, value_end)| {
            let name = self.text.get(start..*name_end).unwrap_or_default();
            let value = self.text.get(*name_end..*value_end).unwrap_or_default();
            start = *value_end;
            Field { name, value }
        })
    }
}

fn text_bytes(head: &Head<'_>) -> usize {
    let start = head.method.len().saturating_add(head.target.len());
    let fields = head.fields().iter();
    let sizes = fields.map(|field| field.name.len().saturating_add(field.value.len()));
    sizes.fold(start, usize::saturating_add)
}
