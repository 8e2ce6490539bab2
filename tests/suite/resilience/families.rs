//! Addresses of IPv4 and of IPv6 on one port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use crate::support::app::App;
use crate::support::client::Client;
use crate::support::eventually;
use crate::support::protocol::{Certificates, connect_tls};
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind};

/// Who a sender is that comes over IPv4, and over IPv6, by the word of hookward.
const SENDERS: [&str; 2] = ["127.0.0.1", "::1"];

/// A sender of each family is served, and known by its own address.
fn serves_both(port: u16, app: &App) {
    let families = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    for (family, sender) in families.into_iter().zip(SENDERS) {
        let mut client = Client::connect(SocketAddr::new(family, port));
        client.send(&Kind::Twenty.request(b"{}").bytes());
        assert_eq!(client.answer("POST").status, 200);
        assert_eq!(app.next().one("x-forwarded-for"), Some(sender));
    }
}

/// A port that is free in both families.
fn free_port() -> u16 {
    let socket = TcpListener::bind("[::]:0").unwrap();
    socket.local_addr().unwrap().port()
}

#[test]
fn all_addresses_of_both_families_have_one_port_and_a_successor_has_it_too() {
    let app = App::start();
    for first_is_ipv4 in [true, false] {
        let port = free_port();
        let mut listen = [format!("0.0.0.0:{port}"), format!("[::]:{port}")];
        if !first_is_ipv4 {
            listen.reverse();
        }
        let listen = format!("listen = {listen:?}\n");
        let proxy = Proxy::start_listening(&listen, "", &sign::routes(app.url(), ""));
        serves_both(port, &app);
        proxy.signal("-QUIT");
        let upgraded = proxy.logged("upgraded", |_| true);
        assert!(proxy.wait().success());
        serves_both(port, &app);
        let pid = upgraded["pid"].to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        eventually("the successor to end", || {
            (!Path::new(&format!("/proc/{pid}")).exists()).then_some(())
        });
    }
}

#[test]
fn tls_is_spoken_in_one_family_and_not_in_the_other_on_one_port() {
    let app = App::start();
    let certificates = Certificates::get();
    let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    for (plain, own) in [("0.0.0.0", v4), ("[::]", v6), ("[::1]", v6)] {
        let port = free_port();
        let (tls, other) = match own {
            IpAddr::V4(_) => ("[::]", v6),
            IpAddr::V6(_) => ("0.0.0.0", v4),
        };
        let listen = format!("listen = [\"{plain}:{port}\"]\n");
        let of_tls = format!("{tls}:{port}");
        let server = certificates.server_tls().replace("127.0.0.1:0", &of_tls);
        let proxy = Proxy::start_listening(&listen, &server, &sign::routes(app.url(), ""));
        let request = Kind::Twenty.request(b"{}").bytes();
        let mut client = Client::connect(SocketAddr::new(own, port));
        client.send(&request);
        assert_eq!(client.answer("POST").status, 200, "{plain}");
        let address = SocketAddr::new(other, port);
        let mut client = connect_tls(address, certificates.client(&["http/1.1"]));
        client.send(&Kind::V1.request(b"{}").bytes());
        assert_eq!(client.answer("POST").status, 200, "{plain}");
        drop(proxy);
    }
}

#[test]
fn all_addresses_of_ipv6_alone_are_those_of_ipv4_too() {
    let app = App::start();
    let listen = "listen = [\"[::]:0\"]\n";
    let proxy = Proxy::start_listening(listen, "", &sign::routes(app.url(), ""));
    serves_both(proxy.address.port(), &app);
}
