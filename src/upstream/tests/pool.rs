//! Keeping connections. The clock is paused, and moved on by the tests.

use std::io::Write;

use tokio::time::advance;

use super::*;
use pingora::protocols::Stream;

use crate::os::descriptors::Descriptors;
use crate::upstream::pool::{Pool, Taken};

/// A pool for so many connections, and more descriptors than it can use.
fn pool_of(max: usize) -> Pool {
    Pool::new(max, Descriptors::new(max.saturating_mul(2)))
}

const REST: Duration = Duration::from_millis(1);
const IDLE: Duration = Duration::from_secs(4);

/// What can serve at once.
fn take(pool: &Pool, destination: &Destination) -> Option<Stream> {
    match pool.take(destination) {
        Taken::Stream(stream) => Some(stream),
        Taken::RestingUntil(_) | Taken::Nothing => None,
    }
}

/// Whether the app's side of a connection is told that ours was closed.
fn is_closed(mut apps: &TcpStream) -> bool {
    apps.set_nonblocking(true).unwrap();
    matches!(io::Read::read(&mut apps, &mut [0]), Ok(0))
}

#[tokio::test(start_paused = true)]
async fn a_connection_serves_again_after_a_rest_and_the_last_one_first() {
    let pool = pool_of(10);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let destination = plain(listener.local_addr().unwrap());
    let (first, _first_app) = connect(&destination, &listener).await;
    let (second, _second_app) = connect(&destination, &listener).await;
    let ids = [first.id(), second.id()];
    pool.keep(first, &destination, IDLE);
    assert!(take(&pool, &destination).is_none(), "it has not rested");
    advance(REST).await;
    pool.keep(second, &destination, IDLE);
    let taken = take(&pool, &destination).unwrap();
    assert_eq!(taken.id(), ids[0], "the other one has not rested");
    pool.keep(taken, &destination, IDLE);
    advance(REST).await;
    // The first was kept last.
    assert_eq!(take(&pool, &destination).unwrap().id(), ids[0]);
    assert_eq!(take(&pool, &destination).unwrap().id(), ids[1]);
    assert!(take(&pool, &destination).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_rest_is_waited_for_unless_that_happens_often() {
    let pool = pool_of(10);
    let (mut stream, _app, destination) = pair().await;
    for _ in 0..2 {
        for _ in 0..32 {
            let kept_at = Instant::now();
            pool.keep(stream, &destination, IDLE);
            let Taken::RestingUntil(until) = pool.take(&destination) else {
                panic!("it rests");
            };
            assert_eq!(until - kept_at, REST);
            advance(REST).await;
            stream = take(&pool, &destination).unwrap();
        }
        pool.keep(stream, &destination, IDLE);
        assert!(matches!(pool.take(&destination), Taken::Nothing));
        advance(Duration::from_secs(1)).await;
        stream = take(&pool, &destination).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_app_needs_few_more_connections_than_requests_at_once() {
    let pool = pool_of(100);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let destination = plain(listener.local_addr().unwrap());
    let mut apps = Vec::new();
    for _ in 0..1_000 {
        let stream = match take(&pool, &destination) {
            Some(stream) => stream,
            None => {
                let (stream, app) = connect(&destination, &listener).await;
                apps.push(app);
                stream
            }
        };
        advance(Duration::from_micros(100)).await;
        pool.keep(stream, &destination, IDLE);
    }
    assert!(apps.len() <= 25, "{} connections", apps.len());
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_not_taken_before_a_sweep_either() {
    let pool = pool_of(10);
    let (stream, _app, destination) = pair().await;
    pool.keep(stream, &destination, IDLE);
    advance(IDLE).await;
    assert!(matches!(pool.take(&destination), Taken::Nothing));
}

#[tokio::test(start_paused = true)]
async fn what_the_app_closed_is_not_taken() {
    let pool = pool_of(10);
    let (stream, app, destination) = pair().await;
    pool.keep(stream, &destination, IDLE);
    drop(app);
    advance(REST).await;
    assert!(take(&pool, &destination).is_none());
    let (stream, app, destination) = pair().await;
    drop(app);
    pool.keep(stream, &destination, IDLE);
    advance(REST).await;
    assert!(take(&pool, &destination).is_none());
}

#[tokio::test(start_paused = true)]
async fn bytes_after_an_answer_are_never_read_as_the_next_one() {
    for after_keeping in [false, true] {
        let pool = pool_of(10);
        let (stream, mut app, destination) = pair().await;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (other, other_app, _) = pair().await;
        drop(listener);
        pool.keep(other, &destination, IDLE);
        if !after_keeping {
            app.write_all(b"surplus").unwrap();
        }
        pool.keep(stream, &destination, IDLE);
        if after_keeping {
            app.write_all(b"surplus").unwrap();
        }
        advance(REST).await;
        assert!(take(&pool, &destination).is_none());
        // Its other connections are of the same app.
        assert!(is_closed(&other_app));
        let (stream, app, _) = pair().await;
        pool.keep(stream, &destination, IDLE);
        advance(REST).await;
        assert!(is_closed(&app) && take(&pool, &destination).is_none());
        advance(Duration::from_secs(60)).await;
        let (stream, _app, _) = pair().await;
        pool.keep(stream, &destination, IDLE);
        advance(REST).await;
        assert!(
            take(&pool, &destination).is_some(),
            "it had its time to mend"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_word_on_an_idle_connection_costs_that_connection_alone() {
    let pool = pool_of(10);
    let (stream, mut app, destination) = pair().await;
    let (other, _other_app, _) = pair().await;
    pool.keep(other, &destination, IDLE);
    pool.keep(stream, &destination, IDLE);
    advance(Duration::from_secs(2)).await;
    app.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        .unwrap();
    assert!(take(&pool, &destination).is_some());
    assert!(take(&pool, &destination).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_sweep_closes_what_is_of_no_use_any_more() {
    let pool = pool_of(1_000);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let destination = plain(listener.local_addr().unwrap());
    let mut apps = Vec::new();
    for number in 0..100 {
        let (stream, app) = connect(&destination, &listener).await;
        let idle = if number < 40 { IDLE } else { IDLE * 10 };
        pool.keep(stream, &destination, idle);
        apps.push(app);
    }
    let closed_by_app: Vec<_> = apps.drain(70..).collect();
    let ends = closed_by_app
        .iter()
        .map(|app| app.shutdown(std::net::Shutdown::Write));
    ends.for_each(|end| end.unwrap());
    advance(IDLE).await;
    pool.sweep().await;
    assert!(apps[..40].iter().all(is_closed), "their time is over");
    assert!(
        closed_by_app.iter().all(is_closed),
        "the app has closed them"
    );
    assert!(!apps[40..].iter().any(is_closed));
    for _ in 40..70 {
        assert!(take(&pool, &destination).is_some());
    }
    assert!(take(&pool, &destination).is_none());
}

#[tokio::test(start_paused = true)]
async fn the_bound_holds_over_all_apps() {
    let pool = pool_of(4);
    let mut kept = Vec::new();
    for _ in 0..8 {
        let (stream, app, destination) = pair().await;
        pool.keep(stream, &destination, IDLE);
        kept.push((app, destination));
    }
    let open = kept.iter().filter(|(app, _)| !is_closed(app)).count();
    assert_eq!(open, 4);
    advance(REST).await;
    let taken: Vec<_> = kept
        .iter()
        .filter_map(|(_, destination)| take(&pool, destination))
        .collect();
    assert_eq!(taken.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_of_an_app_goes_first() {
    let pool = pool_of(2);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let destination = plain(listener.local_addr().unwrap());
    let mut apps = Vec::new();
    for _ in 0..3 {
        let (stream, app) = connect(&destination, &listener).await;
        pool.keep(stream, &destination, IDLE);
        apps.push(app);
    }
    assert!(is_closed(&apps[0]));
    assert!(!is_closed(&apps[1]) && !is_closed(&apps[2]));
    assert!(pool.evict_one());
    assert!(is_closed(&apps[1]));
    assert!(pool.evict_one() && !pool.evict_one());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_without_time_or_room() {
    let (stream, app, destination) = pair().await;
    pool_of(10).keep(stream, &destination, Duration::ZERO);
    assert!(is_closed(&app));
    let (stream, app, destination) = pair().await;
    pool_of(0).keep(stream, &destination, IDLE);
    assert!(is_closed(&app));
}
