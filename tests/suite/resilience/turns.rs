//! Large bodies take turns on a thread: one that does not come on keeps nobody waiting, and a small request does not wait
//! for all of them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::start;
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::sign::Kind;

const LARGE_BYTES: usize = 600_000;

fn large(filler: u8) -> Vec<u8> {
    [b"[\"".to_vec(), vec![filler; LARGE_BYTES], b"\"]".to_vec()].concat()
}

/// With a signature that no secret gives: it is read and hashed whole, and goes no further.
fn forged(body: &[u8]) -> Request {
    let tag = "0".repeat(64);
    Kind::Twenty
        .request(body)
        .with("X-Twenty-Webhook-Signature", tag)
}

/// Ends the senders of a test, however it ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_large_body_that_stops_on_the_way_keeps_nobody_waiting() {
    let app = App::start();
    let proxy = start("threads = 1", &app, "");
    let stopped = [1, 100_000, 300_000, LARGE_BYTES];
    let mut senders = Vec::new();
    for (filler, sent) in (b'a'..).zip(stopped) {
        let body = large(filler);
        let mut client = Client::connect(proxy.address);
        client.send(&Kind::Twenty.request(&body).head_bytes());
        client.send(&body[..sent]);
        senders.push((client, body, sent));
    }
    let sent: usize = stopped.iter().sum();
    eventually("what was sent to be read", || {
        (proxy.metric("hookward_buffered_bytes") >= sent as f64).then_some(())
    });
    for kind in [Kind::Twenty, Kind::V3, Kind::KeyHeader] {
        for body in [b"{}".to_vec(), large(b'z')] {
            assert_eq!(proxy.send(&kind.request(&body)).status, 200, "{kind:?}");
            assert!(app.next().body == body);
        }
    }
    for (mut client, body, sent) in senders {
        client.send(&body[sent..]);
        assert_eq!(client.answer("POST").status, 200, "stopped after {sent}");
        assert!(app.next().body == body);
    }
}

#[test]
fn a_small_request_does_not_wait_for_all_large_ones() {
    const SENDERS: usize = 8;
    const SMALL_REQUESTS: usize = 61;
    let app = App::start();
    let proxy = start("threads = 1", &app, "");
    let (served, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut passed: Vec<usize> = thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let request = forged(&large(b'x')).bytes();
                let mut client = Client::connect(proxy.address);
                while !is_over.load(Ordering::Relaxed) {
                    client.send(&request);
                    assert_eq!(client.answer("POST").status, 401);
                    served.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let _over = Over(&is_over);
        eventually("all of them to be under way", || {
            (served.load(Ordering::Relaxed) > 2 * SENDERS).then_some(())
        });
        let mut client = Client::connect(proxy.address);
        let passed = (0..SMALL_REQUESTS).map(|_| {
            let before = served.load(Ordering::Relaxed);
            client.send(&Kind::V1.request(b"{}").bytes());
            assert_eq!(client.answer("POST").status, 200);
            served.load(Ordering::Relaxed).saturating_sub(before)
        });
        passed.collect()
    });
    passed.sort_unstable();
    // In the time of a small request, without turns: two rounds of all senders.
    let median = passed[SMALL_REQUESTS / 2];
    assert!(
        median < SENDERS,
        "large requests served meanwhile: {passed:?}"
    );
}
