//! Addresses that do not answer. Names with several of them are in the interoperation suite, which
//! gives the program a hosts file of its own.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Socket, Type};

use super::start_on;
use crate::support::app::App;
use crate::support::sign::{self, Kind};

/// An address that answers nothing: its queue of connections is full.
struct BlackHole {
    address: SocketAddr,
    _sockets: Vec<Socket>,
}

impl BlackHole {
    fn new(address: SocketAddr) -> Self {
        let socket = || Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        let listener = socket();
        listener.bind(&address.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let waiting = (0..4).map(|_| {
            let socket = socket();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address.into());
            socket
        });
        Self {
            address,
            _sockets: waiting.chain([listener]).collect(),
        }
    }
}

#[test]
fn an_app_that_does_not_answer_is_a_502_that_says_so() {
    let hole = BlackHole::new("127.0.0.2:0".parse().unwrap());
    let upstream = format!("http://{}", hole.address);
    let proxy = start_on(&sign::routes(
        &upstream,
        "upstream_connect_timeout = \"300ms\"",
    ));
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 502);
    let line = proxy.logged("forwarding_failed", |_| true);
    assert_eq!(line["error"], "app_unreachable");
    let detail = line["detail"].as_str().unwrap();
    let begin = format!(
        "no connection to {0}: 1 attempt: {0}: no answer within ",
        hole.address
    );
    assert!(detail.starts_with(&begin), "{detail}");
}

/// `localhost` is 127.0.0.1 and on most systems ::1 too: of all addresses but one, none answers.
#[test]
fn a_name_is_served_at_whichever_of_its_addresses_answers() {
    let addresses: Vec<SocketAddr> = ("localhost", 0).to_socket_addrs().unwrap().collect();
    for serving in &addresses {
        let free = TcpListener::bind(serving).unwrap().local_addr().unwrap();
        let app = App::start_at(free);
        let others = addresses.iter().filter(|address| *address != serving);
        let _holes: Vec<_> = others
            .map(|address| BlackHole::new(SocketAddr::new(address.ip(), free.port())))
            .collect();
        let upstream = format!("http://localhost:{}", free.port());
        let proxy = start_on(&sign::routes(
            upstream,
            "upstream_connect_timeout = \"20s\"",
        ));
        for _ in 0..5 {
            assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
            app.next();
        }
    }
}
