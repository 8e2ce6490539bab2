//! A stop waits for what is in flight, wherever it is, and for nothing else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use super::{start, start_on};
use crate::support::app::App;
use crate::support::client::Client;
use crate::support::protocol::{Certificates, Protocol, connect_tls};
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind};
use crate::support::{PATIENCE, eventually};

const BODY_BYTES: usize = 16 << 20;

/// A proxy whose app has answered a large request after its first bytes, and has not read the rest.
fn half_read(server: &str) -> (Proxy, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let routes = sign::routes(
        format_args!("http://{}", listener.local_addr().unwrap()),
        "max_body_bytes = \"32MiB\"\nupstream_timeout = \"10m\"",
    );
    let (connections, connected): (_, Receiver<TcpStream>) = channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 100]).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).unwrap();
        connections.send(stream).unwrap();
    });
    let proxy = Proxy::start(server, &routes);
    let mut client = Client::connect(proxy.address);
    client.send(&Kind::Twenty.request(&vec![b'x'; BODY_BYTES]).bytes());
    assert_eq!(client.answer("POST").status, 200);
    drop(client);
    eventually("the end of the connection", || {
        (proxy.metric("hookward_connections") == 0.0).then_some(())
    });
    (proxy, connected.recv_timeout(PATIENCE).unwrap())
}

#[test]
fn a_request_that_was_answered_before_it_was_read_reaches_its_app_whole() {
    let (proxy, mut app) = half_read("");
    proxy.signal("-TERM");
    eventually("the listener to be closed", || {
        Client::try_connect(proxy.address).is_none().then_some(())
    });
    app.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    app.read_to_end(&mut rest).expect("it was cut");
    assert!(rest.len() > BODY_BYTES, "{}", rest.len());
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn a_request_that_its_app_does_not_read_to_its_end_in_time_is_cut_and_told_of() {
    let (proxy, _app) = half_read("shutdown_grace = \"200ms\"");
    proxy.signal("-TERM");
    assert_eq!(proxy.wait().code(), Some(1));
    proxy.logged("unfinished_uploads_cut", |line| line["count"] == 1);
}

#[test]
fn connections_without_a_request_do_not_hold_a_stop_up() {
    let app = App::start();
    let server = "max_connections = 3\nshutdown_grace = \"10m\"\nheader_timeout = \"10m\"";
    let proxy = start(server, &app, "");
    let mut kept = Client::connect(proxy.address);
    kept.send(&Kind::Twenty.request(b"{}").bytes());
    assert_eq!(kept.answer("POST").status, 200);
    let _silent: Vec<Client> = (0..4).map(|_| Client::connect(proxy.address)).collect();
    proxy.signal("-TERM");
    assert_eq!(proxy.wait().code(), Some(0));
}

/// Sends several requests at once, and has the server stopped while the first is at its app.
fn served_all_the_same<S: Read + Write>(connect: impl FnOnce(SocketAddr) -> Client<S>) {
    let (go_on, may_go_on) = channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let app = App::behaving(move |stream, _| {
        // Once the other end is gone, at once.
        let _ = may_go_on.lock().unwrap().recv_timeout(PATIENCE);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).is_ok()
    });
    let proxy = start("", &app, "");
    let bodies = [1_000, 6_000, 300, 20];
    let requests = bodies.map(|size| Kind::Twenty.request(&vec![b'x'; size]).bytes());
    let mut client = connect(proxy.sender_address);
    client.send(&requests.concat());
    assert_eq!(app.next().body.len(), bodies[0]);
    proxy.signal("-TERM");
    proxy.logged("stopping", |_| true);
    drop(go_on);
    for size in bodies {
        assert_eq!(client.answer("POST").status, 200, "{size}");
    }
    for size in &bodies[1..] {
        assert_eq!(app.next().body.len(), *size);
    }
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn requests_that_were_sent_before_a_stop_are_served() {
    served_all_the_same(Client::connect);
    // They have left the socket before, for the buffers of TLS.
    Protocol::Http1OverTls.run(|| {
        let config = Certificates::get().client(&["http/1.1"]);
        served_all_the_same(|address| connect_tls(address, config));
    });
}

#[test]
fn an_ordinary_stop_tells_of_no_error() {
    for signal in ["-TERM", "-TERM", "-TERM", "-INT"] {
        let app = App::start();
        let proxy = start("", &app, "");
        proxy.signal(signal);
        assert_eq!(proxy.wait().code(), Some(0));
        for line in proxy.whole_log() {
            assert!(!line.contains(r#""level":"error""#), "{line}");
        }
    }
}

#[test]
fn the_rest_of_a_refused_request_does_not_hold_a_stop_up() {
    let app = App::start();
    let proxy = start("shutdown_grace = \"4s\"", &app, "");
    let mut refused = Client::connect(proxy.address);
    refused.send(b"POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nx");
    assert_eq!(refused.answer("POST").status, 404);
    let mut malformed = Client::connect(proxy.address);
    malformed.send(b"POST /nowhere HTTP/1.1\r\n\r\n");
    assert_eq!(malformed.answer("POST").status, 400);
    proxy.signal("-TERM");
    assert_eq!(proxy.wait().code(), Some(0));
}

#[test]
fn a_stop_does_not_wait_for_a_newcomer_that_finds_no_place() {
    // The app never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let routes = sign::routes(
        format_args!("http://{}", listener.local_addr().unwrap()),
        "",
    );
    let proxy = start_on(&routes);
    proxy.write_config("max_connections = 1\nshutdown_grace = \"1s\"", &routes);
    assert!(proxy.reload());
    let mut busy = Client::connect(proxy.address);
    busy.send(&Kind::Twenty.request(b"{}").bytes());
    let _app = listener.accept().unwrap();
    let _waiting: Vec<Client> = (0..20).map(|_| Client::connect(proxy.address)).collect();
    proxy.signal("-TERM");
    assert_eq!(proxy.wait().code(), Some(1));
}
