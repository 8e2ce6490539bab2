//! What is left where nothing that was tried gives the signature: in the order of likelihood.

use super::case::Case;
use super::finding::Finding;
use super::told::Told;

pub(super) fn told(case: &Case<'_>) -> Told {
    let provider = case.provider.known.display_name;
    let name = &case.route.name;
    let fix = format!(
        "No known mistake gives this signature. What is left, the likeliest first: (1) the secret of route \
         {name} is another than the one that {provider} signs with: copy it anew from {provider} and compare \
         its first and last characters; (2) the capture is not what was received, byte for byte: record the \
         request with record = \"refused\" and explain that; (3) the request is forged, and was rightly refused."
    );
    Told {
        finding: Finding::Unknown,
        fix,
    }
}
