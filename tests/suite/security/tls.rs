//! TLS with senders: who proves what to whom, and what a handshake may cost.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind};

use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::protocol::{Certificates, Protocol, TlsClient, connect_tls, connect_tls_as};
use crate::support::proxy::Proxy;
use crate::support::route::{route, secrets};
use crate::support::sign::{self, Kind, SECRET};

/// Starts with this `[server.tls]`; returns the address of its listener too.
fn start(server_tls: &str, server: &str, app: &App) -> (Proxy, SocketAddr) {
    let proxy = Proxy::start(
        &format!("{server}\n{server_tls}"),
        &sign::routes(app.url(), ""),
    );
    let address = proxy.listening("server.tls");
    (proxy, address)
}

fn serves(client: &mut TlsClient) -> bool {
    let request = Kind::Twenty.request(b"{}").bytes();
    let sent = client
        .stream
        .write_all(&request)
        .and_then(|()| client.stream.flush());
    sent.is_ok()
        && client
            .try_answer("POST")
            .is_some_and(|answer| answer.status == 200)
}

fn handshakes(proxy: &Proxy, result: &str) -> f64 {
    proxy.metric(&format!(
        "hookward_tls_handshakes_total{{result=\"{result}\"}}"
    ))
}

/// A client of one version of TLS.
fn only(
    version: &'static rustls::SupportedProtocolVersion,
    trusted: &Certificates,
) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(trusted.roots())
        .with_no_client_auth()
}

#[test]
fn the_lowest_version_is_the_one_that_is_configured() {
    let app = App::start();
    let certificates = Certificates::get();
    for (lowest, is_12_spoken) in [("1.2", true), ("1.3", false)] {
        let tls = format!("{}min_version = \"{lowest}\"\n", certificates.server_tls());
        let (proxy, address) = start(&tls, "", &app);
        for (version, is_spoken) in [
            (&rustls::version::TLS12, is_12_spoken),
            (&rustls::version::TLS13, true),
        ] {
            let mut client = connect_tls(address, only(version, certificates));
            assert_eq!(serves(&mut client), is_spoken, "{version:?} from {lowest}");
        }
        let failed = if is_12_spoken { 0.0 } else { 1.0 };
        assert_eq!(handshakes(&proxy, "failed"), failed);
        assert_eq!(handshakes(&proxy, "made"), 2.0 - failed);
    }
}

#[test]
fn the_certificate_is_the_one_for_the_name_that_is_called() {
    let app = App::start();
    let (one, two) = (
        Certificates::new(&["one.example"]),
        Certificates::new(&["*.two.example"]),
    );
    let entry = |of: &Certificates| format!("{{ cert = {:?}, key = {:?} }}", of.cert, of.key);
    let tls = format!(
        "[server.tls]\nlisten = [\"127.0.0.1:0\"]\ncertificates = [{}, {}]\n",
        entry(&one),
        entry(&two)
    );
    let (_proxy, address) = start(&tls, "", &app);
    for (name, trusted, is_proved) in [
        ("one.example", &one, true),
        ("a.two.example", &two, true),
        ("A.TWO.EXAMPLE", &two, true),
        ("a.b.two.example", &two, false),
        ("one.example", &two, false),
        ("other.example", &one, false),
    ] {
        let mut client = connect_tls_as(address, name, trusted.client(&["http/1.1"]));
        assert_eq!(serves(&mut client), is_proved, "{name}");
    }
}

#[test]
fn a_certificate_is_exchanged_by_a_reload_and_a_bad_one_is_not() {
    let app = App::start();
    let (old, new) = (
        Certificates::new(&["localhost"]),
        Certificates::new(&["localhost"]),
    );
    let directory = tempfile::tempdir().unwrap();
    let (cert, key) = (directory.path().join("c"), directory.path().join("k"));
    let put = |of: &Certificates| {
        std::fs::copy(&of.cert, &cert).unwrap();
        std::fs::copy(&of.key, &key).unwrap();
    };
    put(&old);
    let tls = format!(
        "[server.tls]\nlisten = [\"127.0.0.1:0\"]\ncertificates = [{{ cert = {cert:?}, key = {key:?} }}]\n"
    );
    let (proxy, address) = start(&tls, "", &app);
    let proves =
        |trusted: &Certificates| serves(&mut connect_tls(address, trusted.client(&["http/1.1"])));
    assert!(proves(&old) && !proves(&new));
    std::fs::write(&key, "no key").unwrap();
    assert!(!proxy.reload());
    assert!(proves(&old), "the old one is in use");
    put(&new);
    assert!(proxy.reload());
    assert!(proves(&new) && !proves(&old));
    let begins =
        proxy.metric("hookward_certificate_start_timestamp_seconds{subject=\"localhost\"}");
    let ends = proxy.metric("hookward_certificate_expiry_timestamp_seconds{subject=\"localhost\"}");
    assert!(begins < ends);
    assert!(ends > 1_700_000_000.0);
}

#[test]
fn a_sender_needs_a_certificate_where_authorities_are_named() {
    let app = App::start();
    let certificates = Certificates::get();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let tls = format!("{}client_ca = {file:?}\n", certificates.server_tls());
    let (proxy, address) = start(&tls, "", &app);
    let client_with = |chain: Vec<CertificateDer<'static>>, key: &KeyPair| {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(certificates.roots())
            .with_client_auth_cert(chain, key)
            .unwrap()
    };
    let own = KeyPair::generate().unwrap();
    let params = || CertificateParams::new(vec!["sender".to_owned()]).unwrap();
    let signed = params().signed_by(&own, &issuer).unwrap();
    let unsigned = params().self_signed(&own).unwrap();
    assert!(serves(&mut connect_tls(
        address,
        client_with(vec![signed.der().clone()], &own)
    )));
    assert!(!serves(&mut connect_tls(
        address,
        client_with(vec![unsigned.der().clone()], &own)
    )));
    assert!(!serves(&mut connect_tls(address, certificates.client(&[]))));
    eventually("both refusals to be counted", || {
        (handshakes(&proxy, "failed") == 2.0).then_some(())
    });
    proxy.logged("tls_handshake_failed", |_| true);
}

#[test]
fn a_session_is_resumed_and_no_early_data_is_taken() {
    let app = App::start();
    let certificates = Certificates::get();
    let (_proxy, address) = start(&certificates.server_tls(), "", &app);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut config = only(version, certificates);
        config.enable_early_data = true;
        let config = Arc::new(config);
        let kinds: Vec<_> = (0..2)
            .map(|_| {
                let stream = std::net::TcpStream::connect(address).unwrap();
                let name = ServerName::try_from("localhost").unwrap();
                let mut connection = ClientConnection::new(Arc::clone(&config), name).unwrap();
                assert!(connection.early_data().is_none(), "the server offers none");
                let mut client = Client::over(rustls::StreamOwned::new(connection, stream));
                assert!(serves(&mut client));
                client.stream.conn.handshake_kind()
            })
            .collect();
        let expected = [Some(HandshakeKind::Full), Some(HandshakeKind::Resumed)];
        assert_eq!(kinds, expected, "{version:?}");
    }
}

#[test]
fn a_handshake_that_does_not_come_is_ended_and_one_that_is_none_is_told_of() {
    let app = App::start();
    let tls = Certificates::get().server_tls();
    let (proxy, address) = start(&tls, "header_timeout = \"300ms\"", &app);
    let mut silent = Client::connect(address);
    assert!(silent.is_closed());
    eventually("it to be counted", || {
        (handshakes(&proxy, "too_slow") == 1.0).then_some(())
    });
    let mut plain = Client::connect(address);
    plain.send(&Request::new("GET", "/", "").bytes());
    // An alert may come before the end.
    let _ = std::io::Read::read_to_end(&mut plain.stream, &mut Vec::new());
    eventually("it to be counted", || {
        (handshakes(&proxy, "failed") == 1.0).then_some(())
    });
    eventually("both to be gone", || {
        (proxy.metric("hookward_connections") == 0.0).then_some(())
    });
}

#[test]
fn over_tls_the_url_is_the_one_that_was_called_and_without_it_nobody_says_so() {
    let app = App::start();
    let verify = format!(
        "scheme = \"hubspot\"\nversions = [\"v3\"]\n{}",
        secrets(&[("s", SECRET)])
    );
    let server = format!(
        "public_hosts = [\"hooks.example.com\"]\n{}",
        Certificates::get().server_tls()
    );
    let proxy = Proxy::start(&server, &route("h", "/h", app.url(), "", &verify));
    let url = "https://hooks.example.com/h";
    let signed = || {
        Request::new("POST", "/h", "{}")
            .headers(&sign::v3(SECRET, "POST", url, b"{}", &sign::now(0)))
            .header("Host", "hooks.example.com")
    };
    let address = proxy.listening("server.tls");
    for protocol in [Protocol::Http1OverTls, Protocol::Http2OverTls] {
        let mut connection = crate::support::protocol::Connection::open(protocol, address);
        // Whoever is not trusted says nothing about the URL.
        let request = signed().header("X-Forwarded-Host", "evil.example");
        assert_eq!(connection.exchange(&request).status, 200, "{protocol:?}");
        assert_eq!(app.next().one("x-forwarded-proto"), Some("https"));
    }
    let (answer, [_, _, _, reason]) = proxy.judge(&signed());
    assert_eq!((answer.status, &*reason), (400, "bad_target"));
    app.assert_nothing_more();
}

#[test]
fn whoever_begins_no_handshake_keeps_nobody_out_and_holds_up_no_stop() {
    let app = App::start();
    let certificates = Certificates::get();
    let server = "max_connections = 1\nheader_timeout = \"10m\"\nshutdown_grace = \"10m\"";
    let (proxy, address) = start(&certificates.server_tls(), server, &app);
    let mut silent = Client::connect(address);
    let mut sender = connect_tls(address, certificates.client(&["h2", "http/1.1"]));
    // It has to wait until the silent one may be asked to go.
    assert!(sender.stream.flush().is_ok());
    assert!(silent.is_closed());
    drop(sender);
    let _silent = Client::connect(address);
    eventually("it to be there", || {
        (proxy.metric("hookward_connections") == 1.0).then_some(())
    });
    proxy.signal("-TERM");
    assert!(proxy.wait().success());
}
