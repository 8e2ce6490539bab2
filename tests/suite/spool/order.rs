//! With `spool_in_order`, events arrive one after the other, in the order in which they came.

use super::{
    ALWAYS, Directory, ON_FAILURE, Says, app_that, app_that_ponders, assert_stored, delivery,
    is_delivery, list, next_delivery, wait_for_none,
};
use crate::support::eventually;
use crate::support::sign::Kind;

const IN_ORDER: &str = "spool_in_order = true";

#[test]
fn events_arrive_in_their_order_past_failures() {
    const EVENTS: u8 = 9;
    // Some fail at first, one is refused, and none waits for another longer than that.
    let app = app_that(|seen| {
        let status = match (&*seen.body, delivery(seen).attempt) {
            (b"1" | b"4", 1) => 503,
            (b"6", _) => 404,
            _ => 200,
        };
        Says::status(status)
    });
    let directory = Directory::new();
    let proxy = directory.start(app.url(), &format!("{ALWAYS}\n{IN_ORDER}"));
    for number in 0..EVENTS {
        assert_stored(&proxy.send(&Kind::Twenty.request(&[b'0' + number])));
    }
    let seen: Vec<_> = (0..EVENTS + 2)
        .map(|_| {
            let seen = app.next();
            (seen.body[0], delivery(&seen).attempt)
        })
        .collect();
    let expected = [
        (b'0', 1),
        (b'1', 1),
        (b'1', 2),
        (b'2', 1),
        (b'3', 1),
        (b'4', 1),
        (b'4', 2),
        (b'5', 1),
        (b'6', 1),
        (b'7', 1),
        (b'8', 1),
    ];
    assert_eq!(seen, expected);
    eventually("only the dead letter to be left", || {
        let left = list(&proxy);
        (left.len() == 1 && left[0]["state"] == "dead").then_some(())
    });
    app.assert_nothing_more();
}

#[test]
fn a_request_does_not_come_before_those_that_wait() {
    let (app, say) = app_that_ponders();
    let directory = Directory::new();
    let proxy = directory.start(app.url(), &format!("{ON_FAILURE}\n{IN_ORDER}"));
    assert_stored(&proxy.send(&Kind::Twenty.request(b"first")));
    let bodies = |seen: &crate::support::app::Seen| (seen.body.clone(), is_delivery(seen));
    let mut seen = app.next();
    // Before it is known what is there from before, it is stored first.
    if !is_delivery(&seen) {
        assert_eq!(bodies(&seen), (b"first".to_vec(), false));
        seen = app.next();
    }
    assert_eq!(bodies(&seen), (b"first".to_vec(), true));
    // The app has it, and has not said what it does with it.
    for body in [b"second", b"third!"] {
        assert_stored(&proxy.send(&Kind::Twenty.request(body)));
    }
    assert_eq!(list(&proxy).len(), 3);
    app.assert_nothing_more();
    say.send(Says::status(503)).unwrap();
    for body in ["first", "second", "third!"] {
        assert_eq!(bodies(&app.next()), (body.as_bytes().to_vec(), true));
    }
    wait_for_none(&proxy, "twenty");
}

#[test]
fn with_none_waiting_it_goes_directly() {
    let app = app_that(|seen| {
        let fails = &*seen.body == b"fails" && !is_delivery(seen);
        Says::status(if fails { 500 } else { 200 })
    });
    let directory = Directory::new();
    let proxy = directory.start(app.url(), &format!("{ON_FAILURE}\n{IN_ORDER}"));
    // Until it is known whether some wait, it is supposed so.
    let goes_directly = || {
        // While something is being stored it cannot be learnt.
        wait_for_none(&proxy, "twenty");
        let answer = proxy.send(&Kind::Twenty.request(b"taken"));
        (answer.status == 200).then_some(())
    };
    eventually("a request that goes directly", goes_directly);
    eventually("one that is stored", || {
        let answer = proxy.send(&Kind::Twenty.request(b"fails"));
        (answer.status == 202).then_some(())
    });
    while &*next_delivery(&app).body != b"fails" {}
    wait_for_none(&proxy, "twenty");
    eventually("a request that goes directly once more", goes_directly);
}
