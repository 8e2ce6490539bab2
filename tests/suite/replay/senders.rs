//! Senders that go away: what they leave behind is decided by the app, and by nobody if it got nothing.

use std::io::Write;

use super::{
    OK, Step, TAKEN, app_that_waits, assert_replayed, claims, detail, scheme, start,
    wait_for_answers,
};
use crate::support::app::App;
use crate::support::client::Request;
use crate::support::eventually;
use crate::support::http2::head;
use crate::support::protocol::{Connection, over_each_protocol};
use crate::support::proxy::Proxy;
use crate::support::sign::Kind;

over_each_protocol!(
    the_app_decides_when_the_sender_is_gone,
    half_a_request_claims_nothing,
);

/// Sends the head and so much of the body. The connection is returned as it is.
fn begin(
    proxy: &Proxy,
    request: &Request,
    bytes: usize,
) -> (Connection, Option<h2::SendStream<bytes::Bytes>>) {
    let is_whole = bytes == request.body.len();
    let mut connection = proxy.connect();
    let raw = [&request.head_bytes(), &request.body[..bytes]].concat();
    let stream = match &mut connection {
        Connection::Plain(client) => {
            client.send(&raw);
            None
        }
        Connection::Tls(client) => {
            client.stream.write_all(&raw).unwrap();
            client.stream.flush().unwrap();
            None
        }
        Connection::Http2(client) => {
            let part = bytes::Bytes::copy_from_slice(&request.body[..bytes]);
            let requests = client.requests();
            let sending = async {
                let mut requests = requests.ready().await.unwrap();
                let head = head(request, scheme());
                let (_, mut stream) = requests.send_request(head, false).unwrap();
                stream.send_data(part, is_whole).unwrap();
                stream
            };
            Some(client.block_on(sending))
        }
    };
    (connection, stream)
}

fn the_app_decides_when_the_sender_is_gone() {
    let no = Step::Says("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    for (step, status) in [(OK, 200), (no, 500)] {
        let (app, answer) = app_that_waits();
        let proxy = start(&app, "", "");
        let request = Kind::Twenty.request(b"{\"a\":1}");
        let sender = begin(&proxy, &request, request.body.len());
        app.next();
        drop(sender);
        assert_replayed(
            &proxy.send(&request),
            "on its way, though its sender is gone",
        );
        answer.send(step).unwrap();
        wait_for_answers(&proxy, "twenty", status, 1);
        let again = proxy.send(&request);
        if status == 200 {
            assert_replayed(&again, "the app took it");
            proxy.logged("refused", |line| line["detail"] == TAKEN);
        } else {
            assert_eq!(again.status, 200, "the app did not take it");
            app.next();
        }
        app.assert_nothing_more();
    }
}

fn half_a_request_claims_nothing() {
    let app = App::start();
    let proxy = start(&app, "", "");
    let request = Kind::V3.request(&[b'x'; 1_000]);
    for bytes in [0, 1, 999] {
        let sender = begin(&proxy, &request, bytes);
        eventually("it to be read", || {
            (proxy.metric("hookward_requests_in_flight") == 1.0).then_some(())
        });
        drop(sender);
        eventually("it to end", || {
            (proxy.metric("hookward_requests_in_flight") == 0.0).then_some(())
        });
    }
    assert_eq!(claims(&proxy, "new"), 0.0);
    assert_eq!(proxy.send(&request).status, 200);
    app.next();
    assert_replayed(&proxy.send(&request), "the whole one was taken");
    assert_eq!(detail(&proxy, "replayed"), TAKEN);
    app.assert_nothing_more();
}
