//! Whatever shape a request has, the app receives it from the spool as it would have received it directly.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use super::{
    ALWAYS, Directory, OF_A_DELIVERY, ON_FAILURE, Says, app_that, assert_stored, delivery,
    is_delivery, next_delivery, request_of, wait_for_none,
};
use crate::support::PATIENCE;
use crate::support::client::{Framing, Request};
use crate::support::http2_app::Http2App;
use crate::support::protocol::over_each_protocol;
use crate::support::sign::{Kind, SECRET};

over_each_protocol!(
    on_failure_every_shape_arrives_as_it_came,
    always_every_shape_arrives_as_it_would_have_directly,
    an_app_that_speaks_http2_gets_it,
);

/// Requests of all shapes, with a key, so that they can be sent twice.
fn shapes() -> Vec<Request> {
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let path = "/key-header";
    [
        Request::new("GET", "/key-header?b=%20&a=%41&b", ""),
        Request::new("HEAD", path, ""),
        Request::new("POST", path, ""),
        Request::new("PUT", path, "a form"),
        Request::new("GET", path, "with a body"),
        Request::new("POST", path, vec![b'x'; 1_000]).framed(Framing::Chunked(7)),
        Request::new("POST", path, bytes),
        Request::new("POST", path, "\0\r\n\r\nPOST / HTTP/1.1\r\n")
            .header("X-Own", "twice")
            .header("x-own", b"\xffas bytes")
            .header("X-Hookward-Delivery", "forged")
            .header("X_Hookward_Attempt", "7")
            .header("Host", "hooks.example.com"),
    ]
    .into_iter()
    .enumerate()
    .map(|(number, request)| {
        let id = format!("number-{number}");
        request
            .header("X-Api-Key", SECRET)
            .header("X-Request-Id", id)
    })
    .collect()
}

fn on_failure_every_shape_arrives_as_it_came() {
    let app = app_that(|seen| Says::status(if is_delivery(seen) { 204 } else { 500 }));
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    for request in shapes() {
        assert_stored(&proxy.send(&request));
        let direct = app.next();
        assert!(!is_delivery(&direct), "{direct:?}");
        assert_eq!(request_of(&next_delivery(&app)), request_of(&direct));
        wait_for_none(&proxy, "key-header");
    }
}

fn always_every_shape_arrives_as_it_would_have_directly() {
    let app = app_that(|_| Says::status(204));
    let directory = Directory::new();
    let proxy = directory.start(app.url(), "spool = \"off\"");
    let directly: Vec<_> = shapes()
        .iter()
        .map(|request| {
            assert_eq!(proxy.send(request).status, 204);
            request_of(&app.next())
        })
        .collect();
    let server = crate::support::protocol::Protocol::current().server("");
    proxy.write_config(&server, &directory.routes(app.url(), ALWAYS));
    assert!(proxy.reload());
    for (request, directly) in shapes().iter().zip(directly) {
        assert_stored(&proxy.send(request));
        let seen = app.next();
        assert_eq!(delivery(&seen).attempt, 1);
        assert_eq!(request_of(&seen), directly);
    }
    wait_for_none(&proxy, "key-header");
}

fn an_app_that_speaks_http2_gets_it() {
    let (sender, seen) = channel();
    let sender = Mutex::new(sender);
    let app = Http2App::behaving(move |mut stream| {
        let sender = sender.lock().unwrap().clone();
        async move {
            let body = stream.read().await;
            let is_delivery = stream.head.headers.contains_key(OF_A_DELIVERY[0]);
            stream.answer(if is_delivery { 204 } else { 503 }, "").await;
            sender.send((stream.head, body)).unwrap();
        }
    });
    let keys = format!("{ON_FAILURE}\nupstream_protocol = \"h2\"");
    let directory = Directory::new();
    let proxy = directory.start(app.url(), &keys);
    assert_stored(&proxy.send(&Kind::V3.request(&[b'x'; 100_000])));
    let [direct, delivered] = [(); 2].map(|()| seen.recv_timeout(PATIENCE).unwrap());
    let ((direct, body), (mut delivered, same_body)) = (direct, delivered);
    let told = OF_A_DELIVERY.map(|name| delivered.headers.remove(name).unwrap());
    assert_eq!(told[1], "1");
    assert_eq!(delivered.headers, direct.headers);
    assert_eq!(
        (delivered.method, delivered.uri),
        (direct.method, direct.uri)
    );
    assert_eq!((body.len(), &body), (100_000, &same_body));
    wait_for_none(&proxy, "hubspot");
}
