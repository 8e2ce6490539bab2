//! An https app is spoken to only if it proves who it is.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::start_on;
use crate::support::route::{route, secrets};
use crate::support::sign::{self, Kind};

/// An authority of the test's own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), certificate.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            directory,
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// An app that speaks TLS with a certificate for `name`; says which name it was asked for.
    fn app(&self, name: &str) -> (SocketAddr, Receiver<Option<String>>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        serve(&certificate, &key)
    }
}

/// An app that speaks TLS with this certificate; says which name it was asked for.
fn serve(certificate: &Certificate, key: &KeyPair) -> (SocketAddr, Receiver<Option<String>>) {
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, names) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            let mut received = Vec::new();
            let mut chunk = [0; 4_096];
            while !received.ends_with(b"{}") {
                match stream.read(&mut chunk) {
                    Ok(read @ 1..) => received.extend_from_slice(&chunk[..read]),
                    _ => break,
                }
            }
            if received.ends_with(b"{}") {
                let _ = sender.send(stream.conn.server_name().map(str::to_owned));
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        }
    });
    (address, names)
}

#[test]
fn an_https_app_is_verified_against_upstream_ca_and_by_its_name() {
    let authority = Authority::new();
    let other = Authority::new();
    let (app, names) = authority.app("localhost");
    let (impostor, refused) = authority.app("elsewhere.example");
    for (port, ca, status) in [
        (app.port(), Some(&authority), 200),
        (app.port(), Some(&other), 502),
        (app.port(), None, 502),
        (impostor.port(), Some(&authority), 502),
    ] {
        let ca = ca.map(|ca| format!("upstream_ca = \"{}\"", ca.file().display()));
        let upstream = format!("https://localhost:{port}");
        let proxy = start_on(&sign::routes(upstream, &ca.clone().unwrap_or_default()));
        let answer = proxy.send(&Kind::Twenty.request(b"{}"));
        assert_eq!(answer.status, status, "{ca:?}");
    }
    assert_eq!(names.try_recv().unwrap().as_deref(), Some("localhost"));
    assert!(names.try_recv().is_err() && refused.try_recv().is_err());
}

#[test]
fn connections_verified_by_one_authority_do_not_serve_a_route_with_another() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (app, _names) = authority.app("localhost");
    let upstream = format!("https://localhost:{}", app.port());
    let verify = format!("scheme = \"twenty\"\n{}", secrets(&[("s", sign::SECRET)]));
    let trusting = |name: &str, authority: &Authority| {
        let ca = format!("upstream_ca = \"{}\"", authority.file().display());
        route(name, &format!("/{name}"), &upstream, &ca, &verify)
    };
    let proxy = start_on(&[trusting("twenty", &authority), trusting("other", &other)].concat());
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    let mut request = Kind::Twenty.request(b"{}");
    request.target = "/other".to_owned();
    assert_eq!(proxy.send(&request).status, 502);
}

#[test]
fn a_self_signed_certificate_proves_the_app_that_it_is_pinned_for() {
    let pinned = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        (params.self_signed(&key).unwrap(), key)
    };
    let (certificate, key) = pinned(&["localhost"]);
    let (app, _names) = serve(&certificate, &key);
    let directory = tempfile::tempdir().unwrap();
    let send = |pinned: &Certificate| {
        let file = directory.path().join("app.pem");
        std::fs::write(&file, pinned.pem()).unwrap();
        let ca = format!("upstream_ca = \"{}\"", file.display());
        let upstream = format!("https://localhost:{}", app.port());
        let proxy = start_on(&sign::routes(upstream, &ca));
        (proxy.send(&Kind::Twenty.request(b"{}")).status, proxy)
    };
    assert_eq!(send(&certificate).0, 200);
    let (another, _) = pinned(&["localhost"]);
    let (status, proxy) = send(&another);
    assert_eq!(status, 502);
    let line = proxy.logged("forwarding_failed", |_| true);
    assert_eq!(line["error"], "app_unreachable");
    let detail = line["detail"].as_str().unwrap();
    assert!(
        detail.contains("TLS: the app's certificate is not signed"),
        "{detail}"
    );
}
