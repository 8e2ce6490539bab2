//! What the verifier is given to see of a request.

use super::uri::PublicUri;
use crate::http1::fields::Fields;

/// The parts of a request that a scheme may sign or carry its credentials in, except the body,
/// which follows in pieces.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method as sent; methods are case-sensitive (RFC 9110 section 9.1).
    pub method: &'a str,
    /// The public URL. `None` only where no accepted scheme signs it.
    pub uri: Option<PublicUri<'a>>,
    /// The query of the target as received, without `?`.
    pub query: Option<&'a [u8]>,
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
