//! How HTTP/2 is agreed on, and what is said where it is not.

use std::path::Path;
use std::sync::Arc;

use h2::server::Builder;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::support::app::App;
use crate::support::client::Request;
use crate::support::http2_app::{Stream, serve};
use crate::support::sign::{Kind, SECRET};

async fn tell_scheme(mut stream: Stream) {
    let scheme = stream.head.uri.scheme_str().unwrap_or("none").to_owned();
    stream.answer(200, scheme).await;
}

#[test]
fn an_app_of_http_1_is_told_of() {
    let speaking = App::start();
    let (listener, ending) = listen();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            drop(stream);
        }
    });
    for url in [speaking.url(), ending] {
        let proxy = start_on(&url, "upstream_connect_timeout = \"500ms\"");
        assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 502);
        let line = proxy.logged("forwarding_failed", |line| line["error"] == "app_not_http2");
        let detail = line["detail"].as_str().unwrap();
        let advice = "set upstream_protocol = \"http/1.1\"";
        assert!(detail.contains(advice), "{detail}");
    }
}

#[test]
fn an_app_that_says_nothing_is_given_up_in_time() {
    let (listener, url) = listen();
    let proxy = start_on(&url, "upstream_connect_timeout = \"300ms\"");
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 502);
    proxy.logged("forwarding_failed", |line| line["error"] == "app_not_http2");
    drop(listener);
}

#[test]
fn over_tls_the_app_chooses_http_2_or_is_not_used() {
    for (offered, status) in [
        (&[&b"h2"[..], b"http/1.1"][..], 200),
        (&[b"http/1.1"], 502),
        (&[], 502),
    ] {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let (_directory, ca) = crate::support::proxy::file("app.pem", certificate.pem());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (listener, _) = listen();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &Builder::new(), &tell_scheme).await;
                    }
                });
            }
        });
        let proxy = start_on(
            &format!("https://localhost:{port}"),
            &format!("upstream_ca = \"{}\"", Path::new(&ca).display()),
        );
        let answer = proxy.send(&Kind::Twenty.request(b"{}"));
        assert_eq!(answer.status, status, "{offered:?}: {:?}", proxy.log());
        if status == 200 {
            assert_eq!(answer.body, b"https");
        } else {
            let line = proxy.logged("forwarding_failed", |_| true);
            let detail = line["detail"].as_str().unwrap();
            assert!(
                detail.contains("does not choose HTTP/2 by ALPN"),
                "{detail}"
            );
        }
    }
}

#[test]
fn an_app_on_a_unix_socket_speaks_http_2() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    listener.set_nonblocking(true).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.spawn(async move {
        let listener = tokio::net::UnixListener::from_std(listener).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move { serve(stream, &Builder::new(), &tell_scheme).await });
        }
    });
    let proxy = start_on(&format!("unix:{}", path.display()), "");
    for _ in 0..2 {
        let answer = proxy.send(&Kind::Twenty.request(b"{}"));
        assert_eq!((answer.status, &*answer.body), (200, &b"http"[..]));
    }
}

#[test]
fn a_target_that_has_no_form_is_refused_and_not_changed() {
    let app = Http2App::behaving(tell_scheme);
    let server = "max_header_bytes = \"128KiB\"";
    let routes = crate::support::sign::routes(app.url(), H2);
    let proxy = Proxy::start(server, &routes);
    let target = format!("/key-header?{}", "x".repeat(70_000));
    let request = Request::new("POST", &target, "{}").header("X-Api-Key", SECRET);
    assert_eq!(proxy.send(&request).status, 502);
    let line = proxy.logged("forwarding_failed", |line| {
        line["error"] == "request_unsendable"
    });
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains("over 65,534 bytes"), "{detail}");
}
