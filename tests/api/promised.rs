//! What is promised of the library. `promised.txt` is the promise: whoever changes it notes it in the changelog, and
//! raises the version where something is taken away or means something else.

use hookward::providers::{HUBSPOT, TWENTY};
use hookward::verify::{
    Evidence, Provider, Reason, Rejection, SecretString, SetupError, Signature, Timestamp,
    Verified, WebhookRequest, WebhookVerification, WebhookVerifier, WebhookVerifierBuilder,
};

use crate::listing;

const FILE: &str = "tests/api/promised.txt";

#[test]
fn nothing_is_added_changed_or_taken_away_unnoticed() {
    let rooms = ["verify/mod.rs", "providers/mod.rs", "lib.rs"];
    let listed = rooms.map(|room| format!("//// src/{room}\n\n{}", listing::of(room)));
    let listed = listed.concat();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("HOOKWARD_WRITE_PROMISED").is_some() {
        std::fs::write(&path, &listed).unwrap();
    }
    let promised = std::fs::read_to_string(&path).unwrap();
    let (old, new): (Vec<_>, Vec<_>) = (promised.lines().collect(), listed.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new);
    let line = same.count();
    assert!(
        old == new,
        "{FILE}:{}: promised is {:?}, the source says {:?}. If that is intended, note it in the changelog, see \
         whether the version must rise, and run HOOKWARD_WRITE_PROMISED=1 cargo test --test api",
        line + 1,
        old.get(line),
        new.get(line),
    );
}

/// A verifier is shared by an app's threads, and errors are passed on: auto traits are no text in the source.
#[test]
fn what_apps_share_can_be_shared() {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<WebhookVerifier>();
    is_shared::<WebhookVerifierBuilder>();
    is_shared::<Verified>();
    is_shared::<Signature>();
    is_shared::<Rejection>();
    is_shared::<Evidence>();
    is_shared::<Reason>();
    is_shared::<SetupError>();
    is_shared::<Timestamp>();
    is_shared::<SecretString>();
    fn is_sent<T: Send>() {}
    is_sent::<WebhookRequest<'_>>();
    is_sent::<WebhookVerification<'_>>();
    fn is_error<T: std::error::Error>() {}
    is_error::<Rejection>();
    is_error::<SetupError>();
    let _: [&'static Provider; 2] = [&HUBSPOT, &TWENTY];
}
