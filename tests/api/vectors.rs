//! Known answers from outside, by the way that an app takes: the body whole and in pieces.

use hookward::providers::{HUBSPOT, TWENTY};
use hookward::verify::{Rejection, Timestamp, Verified, WebhookRequest, WebhookVerifier};

use crate::known::{Vector, own, own_vector};

fn verifier(vector: &Vector) -> WebhookVerifier {
    let builder = match vector.provider.as_str() {
        "hubspot" => WebhookVerifier::signed_by(&HUBSPOT)
            .versions(["v1", "v2", "v3"])
            .any_body_start(),
        _ => WebhookVerifier::signed_by(&TWENTY),
    };
    builder
        .secret("wrong", "some other secret")
        .secret("right", vector.secret.as_str())
        .build()
        .unwrap()
}

fn said(verdict: Result<Verified, Rejection>) -> String {
    match verdict {
        Ok(verified) => {
            assert_eq!(&*verified.secret, "right");
            assert!(verified.signature.is_some());
            "ok".to_owned()
        }
        Err(rejection) => rejection.reason.to_string(),
    }
}

#[test]
fn every_vector_gets_its_verdict() {
    let vectors: Vec<Vector> = own().iter().map(own_vector).collect();
    assert!(vectors.len() > 150);
    for vector in vectors {
        let verifier = verifier(&vector);
        let headers = vector.headers.iter().map(|(name, value)| (name, value));
        let request = WebhookRequest::new(&vector.method, &vector.url, headers);
        let now = Timestamp::from_millis(vector.now);
        let whole = verifier.verify(&request, &vector.body, now);
        let in_pieces = verifier.begin(&request, now).and_then(|mut verification| {
            for piece in vector.body.chunks(7) {
                verification.update(piece)?;
            }
            verification.finish()
        });
        assert_eq!(said(whole), vector.expect, "{}", vector.name);
        assert_eq!(said(in_pieces), vector.expect, "{}", vector.name);
    }
}
