//! Who goes when there are too many connections, and who stays.

use tokio::sync::futures::Notified;

use super::*;
use crate::time_limit::at_once;

fn connections(max: usize, surplus: usize) -> Arc<Connections> {
    let gauge = IntGauge::new("connections", "test").unwrap();
    let limits = Limits { max, surplus };
    Connections::new(limits, gauge)
}

async fn try_admit(connections: &Arc<Connections>) -> Option<Ticket> {
    at_once(std::pin::pin!(connections.admit())).await
}

async fn is_asked(ticket: &Ticket) -> bool {
    let notified: Notified<'_> = ticket.state.asked.notified();
    at_once(std::pin::pin!(notified)).await.is_some()
}

/// A connection that has served and is idle.
async fn idle(connections: &Arc<Connections>) -> Ticket {
    let ticket = try_admit(connections).await.unwrap();
    ticket.set_busy();
    ticket.set_idle();
    ticket
}

#[tokio::test]
async fn silent_newcomers_go_first_then_the_longest_idle_and_busy_ones_never() {
    let connections = connections(6, 0);
    let busy = try_admit(&connections).await.unwrap();
    busy.set_busy();
    let [first, second] = [idle(&connections).await, idle(&connections).await];
    let silent = [
        try_admit(&connections).await.unwrap(),
        try_admit(&connections).await.unwrap(),
    ];
    let begun = try_admit(&connections).await.unwrap();
    begun.set_busy();
    // What was idle the longest is so no more.
    first.set_busy();
    first.set_idle();
    assert!(!connections.are_all_busy());
    for expected in [&silent[0], &silent[1], &second, &first] {
        assert!(!is_asked(expected).await);
        connections.make_room();
        assert!(is_asked(expected).await);
    }
    connections.make_room();
    assert!(connections.are_all_busy());
    assert!(!is_asked(&busy).await && !is_asked(&begun).await);
}

#[tokio::test]
async fn a_newcomer_takes_the_place_of_one_that_goes() {
    let connections = connections(2, 0);
    let [first, second] = [idle(&connections).await, idle(&connections).await];
    assert!(
        try_admit(&connections).await.is_none(),
        "its place is not free yet"
    );
    assert!(try_admit(&connections).await.is_none());
    assert!(is_asked(&first).await);
    assert!(!is_asked(&second).await, "one is enough");
    drop(first);
    let newcomer = try_admit(&connections).await.unwrap();
    assert_eq!(connections.gauge.get(), 2);
    drop((newcomer, second));
    assert_eq!(connections.gauge.get(), 0);
    connections.closed().await;
}

#[tokio::test]
async fn one_that_was_asked_and_has_a_request_stays_and_another_is_asked() {
    let connections = connections(2, 0);
    let [first, second] = [idle(&connections).await, idle(&connections).await];
    let mut admitting = std::pin::pin!(connections.admit());
    assert!(at_once(admitting.as_mut()).await.is_none());
    assert!(is_asked(&first).await);
    first.set_busy();
    assert!(at_once(admitting.as_mut()).await.is_none());
    assert!(is_asked(&second).await);
    first.set_idle();
    drop(second);
    let third = at_once(admitting).await.unwrap();
    third.set_busy();
    connections.make_room();
    assert!(is_asked(&first).await, "it can be asked again");
    assert_eq!(connections.lock().asked, 1);
    drop(first);
    assert_eq!(connections.lock().asked, 0);
}

#[tokio::test]
async fn those_beyond_the_limit_are_bounded_and_ask_nobody_to_go() {
    let connections = connections(1, 2);
    let kept = idle(&connections).await;
    let surplus = [
        connections.admit_surplus().await.unwrap(),
        connections.admit_surplus().await.unwrap(),
    ];
    let mut waiting = std::pin::pin!(connections.admit_surplus());
    assert!(at_once(waiting.as_mut()).await.is_none());
    assert!(
        !is_asked(&kept).await,
        "those beyond have a moment for a first byte"
    );
    drop(surplus);
    assert!(at_once(waiting).await.unwrap().is_some());
}

#[tokio::test]
async fn a_newcomer_has_a_moment_for_its_first_byte_and_takes_no_known_place_meanwhile() {
    let connections = connections(2, 0);
    let kept = idle(&connections).await;
    let young = try_admit(&connections).await.unwrap();
    let mut admitting = std::pin::pin!(connections.admit());
    assert!(at_once(admitting.as_mut()).await.is_none());
    assert!(!is_asked(&kept).await && !is_asked(&young).await);
    let asked = async {
        young.asked_to_go().await;
        drop(young);
    };
    let (third, ()) = tokio::join!(admitting, asked);
    assert!(!is_asked(&kept).await);
    let mut admitting = std::pin::pin!(connections.admit());
    assert!(at_once(admitting.as_mut()).await.is_none());
    third.set_busy();
    assert!(at_once(admitting.as_mut()).await.is_none());
    assert!(
        is_asked(&kept).await,
        "the newcomer has sent its first byte"
    );
}

#[tokio::test]
async fn a_lower_limit_asks_idle_ones_to_go() {
    let connections = connections(4, 0);
    let mut tickets = Vec::new();
    for _ in 0..4 {
        tickets.push(idle(&connections).await);
    }
    connections.set_limits(Limits { max: 2, surplus: 0 });
    for (ticket, expected) in tickets.iter().zip([true, true, false, false]) {
        assert_eq!(is_asked(ticket).await, expected);
    }
}

#[tokio::test]
async fn a_newcomer_that_waits_hears_of_a_connection_that_becomes_idle() {
    let connections = connections(1, 0);
    let only = try_admit(&connections).await.unwrap();
    only.set_busy();
    let mut admitting = std::pin::pin!(connections.admit());
    assert!(at_once(admitting.as_mut()).await.is_none());
    only.set_idle();
    assert!(!is_asked(&only).await);
    assert!(at_once(admitting.as_mut()).await.is_none());
    assert!(is_asked(&only).await);
    drop(only);
    assert!(at_once(admitting).await.is_some());
}

#[tokio::test]
async fn what_is_kept_of_connections_does_not_grow_with_their_requests_or_number() {
    let connections = connections(2, 0);
    let kept = idle(&connections).await;
    for _ in 0..1_000 {
        kept.set_busy();
        kept.set_idle();
        drop(idle(&connections).await);
    }
    let open = connections.lock();
    assert_eq!(open.by_id.len(), 1);
    assert_eq!(open.idle.len(), 1);
    assert!(open.silent.len() <= 1);
}

#[tokio::test]
async fn a_connection_that_kept_its_place_is_not_asked_by_what_was_asked_before() {
    let connections = connections(2, 0);
    let ticket = idle(&connections).await;
    connections.make_room();
    ticket.set_busy();
    ticket.set_idle();
    assert!(
        at_once(std::pin::pin!(ticket.asked_to_go()))
            .await
            .is_none()
    );
    connections.make_room();
    assert!(
        at_once(std::pin::pin!(ticket.asked_to_go()))
            .await
            .is_some()
    );
}
