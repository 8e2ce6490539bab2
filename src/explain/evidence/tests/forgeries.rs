use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::explain::evidence::testing::{OTHER, Setup, TIME, hmac};
use crate::explain::evidence::{findings, header};
use crate::reason::Reason;

/// A body of JSON, or of anything.
fn bodies() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\{\"[a-z]{1,8}\":\"[ -!#-\\[\\]-~]{0,40}\",\"n\":[1-9][0-9]{0,9}\\}",
        "\\[\\{\"eventId\":[1-9][0-9]{0,9},\"appId\":54321\\}\\]",
        "[a-z]{1,10}=[a-z0-9%+]{0,30}",
        "[^\\{\\[ \t\r\n]{1,60}",
    ]
}

#[test]
fn forgeries_and_wrong_secrets_have_no_finding() {
    let config = Config {
        cases: 100,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let forgeries = (
        any::<bool>(),
        any::<[u8; 32]>(),
        any::<bool>(),
        bodies(),
        "[!-~]{16,64}",
        "[a-zA-Z0-9]{16,64}",
        0_u64..1_000_000,
        "[!-~]{1,42}",
    );
    let result = runner.run(
        &forgeries,
        |(is_twenty, random, is_wrong_secret, body, secret, other, late, garbage)| {
            let setup = if is_twenty {
                Setup::twenty()
            } else {
                Setup::hubspot()
            };
            let mut setup = setup.body(&body).secret(&secret);
            setup.secrets.push((OTHER, "theirs", other, None));
            setup.now = setup.now.saturating_add(late);
            let name = setup.accepted[0].signature_header;
            let unsigned = setup.clone();
            let setup = if is_wrong_secret {
                setup.signed(&random, TIME)
            } else {
                setup.signed(&hmac(&random, &[b"forged"]), TIME)
            };
            prop_assert_eq!(setup.search(), None);
            for reason in [
                Reason::SignatureMismatch,
                Reason::TimestampExpired,
                Reason::TimestampInFuture,
            ] {
                let told = setup.case(|case| findings(case, reason));
                prop_assert_eq!(told, vec![]);
            }
            let malformed = unsigned.with(name, &garbage);
            prop_assert_eq!(malformed.search(), None);
            // Of any writing.
            let reason = Reason::MalformedSignature;
            let hex = hex::encode(random);
            for garbage in [
                &garbage,
                &hex,
                &hex.to_uppercase(),
                &format!("sha256={hex}"),
            ] {
                let malformed = malformed.clone().without(name).with(name, garbage);
                let told = malformed.case(|case| findings(case, reason));
                prop_assert_eq!(told, vec![]);
                let header = malformed.case(|case| header(case, reason).is_none());
                prop_assert!(header);
            }
            Ok(())
        },
    );
    result.unwrap();
}
