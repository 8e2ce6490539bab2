//! Having a verified request counted once: after its verdict, and before anybody learns of it.

use std::sync::Arc;

use super::refusal::Refusal;
use crate::active::Route;
use crate::config::OnReplay;
use crate::reason::Reason;
use crate::replay::{ClaimGuard, Repeatable, Repeated, Replay};
use crate::verify::{Evidence, Permitted, Rejection, Timestamp};

/// Claims a permitted request, where its route has signed requests count once. What came before is refused, or
/// permitted for that reason where the route does not enforce.
pub(super) async fn claim<'r>(
    replay: Option<&Replay>,
    permitted: Permitted<'r>,
    route: &Arc<Route>,
    now: Timestamp,
) -> Result<(Permitted<'r>, Option<ClaimGuard>), Refusal> {
    let proof = permitted.permit().proof();
    let (Some(replay), Some(rule), Some(proof)) = (replay, route.replay, proof) else {
        return Ok((permitted, None));
    };
    let (Some(signed_at), Some(signature)) = (proof.signed_at, &proof.signature) else {
        return Ok((permitted, None));
    };
    let request = Repeatable {
        route: &route.name,
        signature,
        expires_at: signed_at.after(rule.max_age),
        tells_taken: rule.on_replay == OnReplay::Acknowledge,
    };
    let scheme = proof.scheme;
    let repeated = match replay.claim(&request, now).await {
        Ok(claim) => return Ok((permitted, claim)),
        Err(repeated) => repeated,
    };
    let (reason, evidence) = explained(repeated, signed_at, now);
    let rejection = Rejection {
        reason,
        scheme,
        evidence,
    };
    if route.verifier.waives(reason) {
        return Ok((permitted.waived_for(rejection), None));
    }
    let refusal = Refusal::rejected(rejection, route, None);
    let refusal = refusal.having_read(permitted.into_body(), true);
    if repeated == Repeated::Taken && rule.on_replay == OnReplay::Acknowledge {
        return Err(refusal.answered_with(200));
    }
    Err(refusal)
}

/// Why a request is not forwarded, for the metrics and for the operator.
fn explained(repeated: Repeated, signed_at: Timestamp, now: Timestamp) -> (Reason, Evidence) {
    match repeated {
        Repeated::Taken => {
            let words = "the app has taken it already";
            (Reason::Replayed, Evidence::Words(words))
        }
        Repeated::OnItsWay => {
            let words = "it is on its way to the app";
            (Reason::Replayed, Evidence::Words(words))
        }
        Repeated::Before => {
            let words = "the app has taken it already, or it is on its way there";
            (Reason::Replayed, Evidence::Words(words))
        }
        // It became too old while its body came.
        Repeated::Expired => {
            let evidence = Evidence::Time {
                received: signed_at.to_string(),
                now,
                age_millis: Some(now.millis_since(signed_at)),
            };
            (Reason::TimestampExpired, evidence)
        }
        Repeated::Unknown => {
            let words = "the event \"replay_store_failed\" says why";
            (Reason::ReplayStoreUnavailable, Evidence::Words(words))
        }
    }
}
