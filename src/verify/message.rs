//! The one interpreter of a scheme's description: walks through the parts of a message in the order in
//! which they are signed. Verifying, signing and explaining all read a description through it, so that
//! none of them can understand it differently.

use super::scheme::{Part, Scheme, Spellings};
use super::uri::{PublicUri, Spelling};

/// What a scheme may sign of a request, besides its body.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) method: &'a str,
    /// The text of the timestamp header; empty where none is signed.
    pub(super) timestamp: &'a [u8],
}

impl Message<'_> {
    /// Gives every signed part to `take`, with its bytes. [`Part::Body`] comes without any: it marks the
    /// place where the body belongs.
    pub(super) fn walk(
        self,
        scheme: &Scheme,
        spelling: Option<&Spelling<'_>>,
        mut take: impl FnMut(Part, &[u8]),
    ) {
        for part in scheme.signed {
            match part {
                Part::Method => take(*part, self.method.as_bytes()),
                Part::Uri => spelling
                    .into_iter()
                    .flat_map(Spelling::pieces)
                    .for_each(|piece| take(*part, piece)),
                Part::Timestamp => take(*part, self.timestamp),
                Part::Literal(text) => take(*part, text.as_bytes()),
                Part::Body => take(*part, b""),
            }
        }
    }
}

impl Scheme {
    /// The spellings of a URL that the provider may have signed, the likeliest first; one empty entry
    /// where the scheme signs no URL.
    pub(super) fn spellings_of<'a>(&self, uri: Option<PublicUri<'a>>) -> Vec<Option<Spelling<'a>>> {
        let Some(uri) = uri.filter(|_| self.signs_uri()) else {
            return vec![None];
        };
        let decoded = match self.spellings {
            Spellings::HubSpotDecodedAndReceived => uri.hubspot_decoded(),
            Spellings::Received => None,
        };
        decoded
            .into_iter()
            .chain([uri.received()])
            .map(Some)
            .collect()
    }
}
