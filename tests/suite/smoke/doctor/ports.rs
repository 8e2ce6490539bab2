//! What is said of the addresses, and that asking changes nothing there.

use std::net::{SocketAddr, TcpListener};

use serde_json::Value;

use super::{Patient, app_off_by, held, is_root, permit, powerless, twenty};
use crate::support::protocol::{Certificates, connect_tls};
use crate::support::proxy::Proxy;

#[test]
fn all_is_well_around_a_hookward_that_serves() {
    let app = app_off_by(0);
    let directory = tempfile::tempdir().unwrap();
    let (left, pid) = (
        directory.path().join("left.sock"),
        directory.path().join("pid"),
    );
    drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
    let proxy = Proxy::start(&Certificates::get().server_tls(), &twenty(app.url(), ""));
    let certificates = Certificates::get();
    permit(&certificates.key, 0o600);
    let (tls, here) = (proxy.listening("server.tls"), proxy.address);
    let server = format!(
        "listen = [\"{here}\", \"unix:{}\"]\npid_file = {pid:?}\nmax_connections = 10\n{}",
        left.display(),
        certificates
            .server_tls()
            .replace("127.0.0.1:0", &tls.to_string()),
    );
    let public_url = format!("public_url = \"http://{here}\"");
    let routes = twenty(app.url(), &public_url);
    let patient = Patient::new(&server, &proxy.admin.to_string(), &routes);
    let said = patient.ask(&["--send"]);
    let socket = left.display().to_string();
    let others: Vec<&Value> = said
        .not_ok()
        .into_iter()
        .filter(|check| !check["about"].as_str().unwrap().contains(&socket))
        .collect();
    assert_eq!((said.code, others.len()), (0, 0), "{others:#?}");
    for (check, about, words) in [
        ("configuration", "hookward.toml", "nothing is wrong"),
        ("secrets", "all routes", "all 1 can be read"),
        ("files", "(server.pid_file)", "can be made in it"),
        ("open-files", "max_connections", "10 of the 10 connections"),
        ("port", "admin.listen", "held by a hookward that serves"),
        (
            "port",
            "(server.listen)",
            "held by the hookward that serves",
        ),
        (
            "port",
            "server.tls.listen",
            "held by the hookward that serves",
        ),
        ("app", "route twenty", "takes connections"),
        (
            "public-url",
            "route twenty",
            "leads to the hookward that serves here",
        ),
        ("clock", &app.address.to_string(), "agrees"),
        ("send", "route twenty", "answered 200: the app took it"),
    ] {
        let of_port = if about == "(server.listen)" {
            format!("{here} (server.listen)")
        } else {
            about.to_owned()
        };
        said.is(check, &of_port, "ok", words);
    }
    // The running one has no such socket: its file is neither used nor removed.
    said.is("port", "left.sock", "warning", "listens elsewhere");
    assert!(left.exists() && !pid.exists());
    let sent: Vec<_> = (0..2).map(|_| app.next()).collect();
    assert_eq!(sent[0].method, "HEAD");
    let id = sent[1].one("x-request-id").unwrap();
    assert!(id.starts_with("hookward-doctor-"), "{id}");
    assert_eq!(sent[1].one("x-hookward-verified"), Some("twenty"));
    app.assert_nothing_more();
}

#[test]
fn where_nothing_runs_addresses_are_free_and_stay_so() {
    let app = app_off_by(0);
    let (listener, address) = held();
    drop(listener);
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("in.sock");
    // Whoever connects there asks for a successor.
    let upgrade_path = directory.path().join("upgrade.sock");
    let upgrade = std::os::unix::net::UnixListener::bind(&upgrade_path).unwrap();
    upgrade.set_nonblocking(true).unwrap();
    let server = format!(
        "listen = [\"{address}\", \"unix:{}\"]\npid_file = {:?}\nupgrade_socket = {upgrade_path:?}",
        socket.display(),
        directory.path().join("pid"),
    );
    let patient = Patient::new(&server, "127.0.0.1:0", &twenty(app.url(), ""));
    let said = patient.ask(&[]);
    assert_eq!(said.code, 0, "{:#?}", said.checks);
    said.is("port", &address, "ok", "free");
    said.is("port", "in.sock", "ok", "free");
    said.is("port", "admin.listen", "ok", "any free port");
    assert!(!socket.exists() && upgrade.accept().is_err());
    TcpListener::bind(&address).unwrap();
}

#[test]
fn an_address_that_somebody_else_holds_is_named() {
    let app = app_off_by(0);
    let (_one, port) = held();
    let (_two, admin) = held();
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("in.sock");
    let _three = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let server = format!(
        "listen = [\"{port}\", \"unix:{}\", \"unix:{}\"]",
        socket.display(),
        file.display()
    );
    // The connections that it makes to find out who is there are not answered.
    let patient = Patient::new(&server, &admin, &twenty(app.url(), ""));
    let said = patient.ask(&[]);
    assert_eq!(said.code, 1);
    for (about, words) in [
        (&*port, "held by another program"),
        (&*admin, "held by another program"),
        ("in.sock", "held by another program"),
        ("/file", "no socket"),
    ] {
        said.is("port", about, "failed", words);
    }
    assert!(socket.exists());
    // A hookward that serves by another configuration is somebody else too.
    let proxy = Proxy::start("", &twenty(app.url(), ""));
    let server = format!("listen = [\"{}\"]", proxy.address);
    let patient = Patient::new(&server, "127.0.0.1:0", &twenty(app.url(), ""));
    let said = patient.ask(&[]);
    said.is(
        "port",
        "(server.listen)",
        "failed",
        "held by another program",
    );
}

#[test]
fn a_handshake_that_somebody_else_makes_proves_nothing() {
    let app = app_off_by(0);
    let certificates = Certificates::get();
    let proxy = Proxy::start(&certificates.server_tls(), &twenty(app.url(), ""));
    let tls = proxy.listening("server.tls");
    // Whoever holds the address has the hookward that serves count a handshake each time it is called.
    let impostor = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = impostor.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for _called in impostor.incoming().map_while(Result::ok) {
            let mut client = connect_tls(tls, certificates.client(&[]));
            client.send(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            client.answer("HEAD");
        }
    });
    let ask = |tls: &str| {
        let server = certificates.server_tls().replace("127.0.0.1:0", tls);
        Patient::of(&proxy, &server, &twenty(app.url(), "")).ask(&[])
    };
    let about = "server.tls.listen";
    let said = ask(&address);
    said.is("port", about, "warning", "does not prove itself");
    let said = ask(&tls.to_string());
    said.is("port", about, "ok", "held by the hookward that serves");
}

/// A port that only some may listen on, if there is one.
fn privileged_port() -> Option<SocketAddr> {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    let first: u16 = first.trim().parse().unwrap();
    let ports = (1..first)
        .rev()
        .map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    if is_root() {
        ports
            .into_iter()
            .find(|address| TcpListener::bind(address).is_ok())
    } else {
        ports.into_iter().next()
    }
}

#[test]
fn a_port_that_this_user_may_not_listen_on_is_no_failure() {
    // The system may let everybody listen everywhere.
    let Some(address) = privileged_port() else {
        return;
    };
    let app = app_off_by(0);
    let routes = twenty(app.url(), "");
    let listen = format!("listen = [\"{address}\"]\n");
    let said = Patient::new(&listen, "127.0.0.1:0", &routes).ask_by(powerless(), &[]);
    assert_eq!(said.code, 0);
    let about = format!("{address} (server.listen)");
    said.is("port", &about, "warning", "may not listen on that port");
    if is_root() {
        let proxy = Proxy::start_listening(&listen, "", &routes);
        let said = Patient::of(&proxy, "", &routes).ask_by(powerless(), &[]);
        assert_eq!(said.code, 0);
        said.is("port", &about, "ok", "held by the hookward that serves");
    }
}
