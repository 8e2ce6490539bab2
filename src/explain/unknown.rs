//! What is left where nothing that was tried gives the signature: in the order of likelihood.

use super::case::Case;
use super::finding::Finding;
use super::told::Told;

pub(super) fn told(case: &Case<'_>) -> Told {
    let provider = case.provider.known.display_name;
    let name = &case.route.name;
    // The latest of the route's own, though it was tried, is worth a word: it cannot match what is signed now.
    let keys = case.keys.iter().map(|(_, key)| key);
    let own = keys.filter(|key| key.route == case.route.name && key.variant.is_none());
    let is_over = case.valid_keys().next().is_none();
    let last = own.last().filter(|_| is_over);
    let over = last.map_or(String::new(), |last| {
        format!(
            " No secret of the route is valid any more (`not_after` of `{}` is over too), and none that was valid \
             gives it either.",
            last.id
        )
    });
    let fix = format!(
        "No known mistake gives this signature.{over} What is left, the likeliest first: (1) the secret of route \
         {name} is another than the one that {provider} signs with: copy it anew from {provider} and compare \
         its first and last characters (if another request of this route verifies, it is right); (2) the capture is not what was received, byte for byte: record the \
         request with record = \"refused\" and explain that; (3) the request is forged, and was rightly refused."
    );
    Told {
        finding: Finding::Unknown,
        fix,
    }
}
