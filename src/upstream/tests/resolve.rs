//! Looking names up. The clock is paused, and moved on by the tests.

use std::sync::Arc;

use super::*;
use crate::upstream::look_up::LookupError;
use crate::upstream::resolve::Name;

fn name(script: &Arc<Script>) -> Name {
    let look_up: Arc<dyn LookUp> = Arc::<Script>::clone(script);
    Name::new("app.internal", 80, None, UpstreamProtocol::Http1, look_up)
}

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn finds(texts: &[&str]) -> Step {
    Step::Finds(addresses(texts))
}

async fn found(name: &Name) -> Vec<String> {
    let destinations = name.destinations(soon()).await.unwrap();
    let addresses = destinations.iter().map(|it| it.address().to_string());
    addresses.collect()
}

/// Lets tasks run that can.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_serves_while_one_look_up_hangs_for_ever() {
    let script = Script::new([finds(&["10.0.0.1:80"]), Step::Hangs]);
    let name = name(&script);
    assert_eq!(found(&name).await, ["10.0.0.1:80"]);
    for _ in 0..100 {
        tokio::time::advance(Duration::from_secs(31)).await;
        let before = Instant::now();
        assert_eq!(found(&name).await, ["10.0.0.1:80"]);
        assert_eq!(before.elapsed(), Duration::ZERO, "nobody waits");
        name.refresh();
        settle().await;
    }
    assert_eq!(
        script.begun(),
        2,
        "a second look-up began beside one that hangs"
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_answer_takes_the_old_ones_place() {
    let script = Script::new([finds(&["10.0.0.1:80"]), finds(&["10.0.0.2:80"])]);
    let name = name(&script);
    assert_eq!(found(&name).await, ["10.0.0.1:80"]);
    tokio::time::advance(Duration::from_secs(29)).await;
    assert_eq!(found(&name).await, ["10.0.0.1:80"]);
    settle().await;
    assert_eq!(script.begun(), 1, "the answer was young");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(found(&name).await, ["10.0.0.1:80"], "the old one, at once");
    settle().await;
    assert_eq!(found(&name).await, ["10.0.0.2:80"]);
    assert_eq!(script.begun(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_serves_at_is_asked_for_after_a_second() {
    let script = Script::new([finds(&["10.0.0.1:80"]), finds(&["10.0.0.2:80"])]);
    let name = name(&script);
    found(&name).await;
    name.refresh();
    settle().await;
    assert_eq!(script.begun(), 1, "the answer is quite new");
    tokio::time::advance(Duration::from_secs(1)).await;
    name.refresh();
    settle().await;
    assert_eq!(found(&name).await, ["10.0.0.2:80"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_is_waited_for_and_tried_for_again() {
    let script = Script::new([Step::Fails, Step::Fails, finds(&["10.0.0.1:80"])]);
    assert_eq!(found(&name(&script)).await, ["10.0.0.1:80"]);
    assert_eq!(script.begun(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_for_a_name_without_an_address_ask_a_few_times() {
    let script = Script::new([Step::Fails]);
    let name = Arc::new(name(&script));
    let deadline = Instant::now() + Duration::from_secs(2);
    let waiting: Vec<_> = (0..1_000)
        .map(|_| {
            let name = Arc::clone(&name);
            tokio::spawn(async move { name.destinations(deadline).await })
        })
        .collect();
    for waiting in waiting {
        let failed = waiting.await.unwrap().unwrap_err();
        assert_eq!(failed, LookupError::NoSuchName("app.internal".to_owned()));
    }
    assert!(Instant::now() <= deadline);
    let begun = script.begun();
    assert!((2..=6).contains(&begun), "{begun} look-ups");
    let failed = name.destinations(Instant::now()).await;
    assert!(failed.is_err(), "the failure is remembered");
    settle().await;
    assert_eq!(script.begun(), begun);
}

#[tokio::test(start_paused = true)]
async fn a_first_look_up_that_hangs_is_waited_for_until_the_deadline() {
    let script = Script::new([Step::Hangs]);
    let name = name(&script);
    for _ in 0..3 {
        let deadline = Instant::now() + Duration::from_secs(20);
        let failed = name.destinations(deadline).await.unwrap_err();
        assert_eq!(failed, LookupError::TooSlow("app.internal".to_owned()));
        assert!(Instant::now() >= deadline);
    }
    assert_eq!(script.begun(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_breaks_does_not_lock_the_name() {
    let script = Script::new([
        Step::Panics,
        finds(&["10.0.0.1:80"]),
        Step::Panics,
        finds(&["10.0.0.2:80"]),
    ]);
    let name = name(&script);
    assert_eq!(found(&name).await, ["10.0.0.1:80"]);
    for _ in 0..2 {
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_eq!(found(&name).await, ["10.0.0.1:80"]);
        settle().await;
    }
    assert_eq!(found(&name).await, ["10.0.0.2:80"]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_look_up_leaves_the_last_answer() {
    let script = Script::new([
        finds(&["10.0.0.1:80"]),
        Step::Fails,
        Step::Finds(Vec::new()),
    ]);
    let name = name(&script);
    for _ in 0..4 {
        assert_eq!(found(&name).await, ["10.0.0.1:80"]);
        tokio::time::advance(Duration::from_secs(31)).await;
        name.refresh();
        settle().await;
    }
    assert_eq!(script.begun(), 5);
}

#[tokio::test(start_paused = true)]
async fn families_take_turns_and_what_works_is_tried_first() {
    let all = [
        "[fd00::1]:80",
        "[fd00::2]:80",
        "[fd00::1]:80",
        "10.0.0.1:80",
        "10.0.0.2:80",
        "10.0.0.3:80",
    ];
    let script = Script::new([finds(&all)]);
    let name = name(&script);
    let by_turns = [
        "[fd00::1]:80",
        "10.0.0.1:80",
        "[fd00::2]:80",
        "10.0.0.2:80",
        "10.0.0.3:80",
    ];
    assert_eq!(found(&name).await, by_turns);
    name.set_working(&plain("10.0.0.2:80".parse().unwrap()));
    let working_first = [
        "10.0.0.2:80",
        "[fd00::1]:80",
        "10.0.0.1:80",
        "[fd00::2]:80",
        "10.0.0.3:80",
    ];
    assert_eq!(found(&name).await, working_first);
    tokio::time::advance(Duration::from_secs(31)).await;
    found(&name).await;
    settle().await;
    assert_eq!(script.begun(), 2);
    assert_eq!(found(&name).await, working_first, "of the next answer too");
}

#[tokio::test(start_paused = true)]
async fn a_name_with_very_many_addresses_is_bounded() {
    let many = (0..=255).map(|last| format!("10.0.0.{last}:80").parse().unwrap());
    let script = Script::new([Step::Finds(many.collect())]);
    assert_eq!(found(&name(&script)).await.len(), 16);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_ends_with_its_name() {
    let script = Script::new([Step::Hangs]);
    let name = name(&script);
    let deadline = Instant::now() + Duration::from_secs(1);
    assert!(name.destinations(deadline).await.is_err());
    assert!(Arc::strong_count(&script) > 1);
    drop(name);
    settle().await;
    assert_eq!(Arc::strong_count(&script), 1);
}
