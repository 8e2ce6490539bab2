//! Of many identical requests at once, the app sees one.

use std::sync::Barrier;

use futures_util::future::join_all;

use super::{claims, replayed, scheme, start};
use crate::support::app::App;
use crate::support::client::Request;
use crate::support::http2::exchange;
use crate::support::protocol::{Connection, Protocol, over_each_protocol};
use crate::support::proxy::Proxy;
use crate::support::sign::Kind;

over_each_protocol!(of_two_hundred_at_once_the_app_sees_one);

/// How many requests a round has.
const CROWD: usize = 200;
/// How many connections share them over HTTP/2: no more streams on each than any may have.
const CONNECTIONS: usize = 8;

/// Senders that are connected.
struct Crowd(Vec<Connection>);

impl Crowd {
    fn of(proxy: &Proxy) -> Self {
        let count = if Protocol::current().is_http2() {
            CONNECTIONS
        } else {
            CROWD
        };
        Self((0..count).map(|_| proxy.connect()).collect())
    }

    /// Sends the same from all at once. Returns the statuses.
    fn send(&mut self, request: &Request) -> Vec<u16> {
        let scheme = scheme();
        let barrier = Barrier::new(self.0.len());
        let send = |connection: &mut Connection| {
            barrier.wait();
            let Connection::Http2(client) = connection else {
                return vec![connection.exchange(request).status];
            };
            let sending = (0..CROWD / CONNECTIONS)
                .map(|_| exchange(client.requests(), request.clone(), scheme));
            let answers = client.block_on(join_all(sending)).into_iter();
            answers.map(|answer| answer.unwrap().status).collect()
        };
        std::thread::scope(|scope| {
            let senders: Vec<_> = self
                .0
                .iter_mut()
                .map(|connection| scope.spawn(move || send(connection)))
                .collect();
            let statuses = senders.into_iter().map(|sender| sender.join().unwrap());
            statuses.flatten().collect()
        })
    }
}

fn of_two_hundred_at_once_the_app_sees_one() {
    let rounds = std::env::var("HOOKWARD_REPLAY_ROUNDS");
    let rounds = rounds.map_or(100, |rounds| rounds.parse().unwrap());
    let app = App::start();
    let proxy = start(&app, "", "");
    let mut crowd = Crowd::of(&proxy);
    for round in 0..rounds {
        let kind = [Kind::V3, Kind::Twenty][round % 2];
        let body = round.to_string();
        let mut statuses = crowd.send(&kind.request(body.as_bytes()));
        statuses.sort_unstable();
        assert_eq!(statuses[0], 200, "round {round}");
        assert_eq!(statuses[1..], [409; CROWD - 1], "round {round}");
        assert_eq!(app.next().body, body.as_bytes());
        app.assert_nothing_more();
    }
    let rounds = f64::from(u32::try_from(rounds).unwrap());
    let refused = rounds * 199.0;
    assert_eq!(claims(&proxy, "new"), rounds);
    assert_eq!(claims(&proxy, "replayed"), refused);
    let verdicts = replayed(&proxy, "hubspot", "hubspot-v3") + replayed(&proxy, "twenty", "twenty");
    assert_eq!(verdicts, refused);
}
