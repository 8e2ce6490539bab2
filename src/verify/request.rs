//! What the verifier is given to see of a request.

use crate::http1::fields::Fields;
use crate::http1::target::Target;

/// A request as it was received, except its body, which follows in pieces.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method as sent; methods are case-sensitive (RFC 9110 section 9.1).
    pub method: &'a str,
    /// The target as received.
    pub target: Target<'a>,
    /// The headers as received.
    pub headers: Fields<'a>,
}

/// How often a header occurs, as far as it matters.
pub(super) enum Occurrence<'a> {
    Absent,
    Once(&'a [u8]),
    Repeated,
}

impl<'a> Request<'a> {
    pub(super) fn header(&self, name: &str) -> Occurrence<'a> {
        let mut values = self.headers.all(name);
        match (values.next(), values.next()) {
            (None, _) => Occurrence::Absent,
            (Some(value), None) => Occurrence::Once(value),
            (Some(_), Some(_)) => Occurrence::Repeated,
        }
    }
}
