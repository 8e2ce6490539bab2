//! Certificates that prove an app, and those that do not.

use std::net::TcpListener;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::config::Upstream;
use crate::os::descriptors::Descriptors;
use crate::upstream::address::UpstreamAddress;
use crate::upstream::connect::Connector;

type Certificate = (CertificateDer<'static>, KeyPair);

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).unwrap()
}

fn self_signed(params: &CertificateParams) -> Certificate {
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().der().clone(), key)
}

/// An authority, and a certificate that it signed.
fn signed(params: &CertificateParams) -> (Vec<u8>, Certificate) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    // Authorities of one name would be told apart by their signatures alone.
    let name = hex::encode(key.public_key_raw());
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let signed = params.signed_by(&key, &issuer).unwrap().der().clone();
    (certificate.der().to_vec(), (signed, key))
}

/// An app that answers every handshake with this certificate.
async fn serve(certificate: Certificate, versions: &[&'static SupportedProtocolVersion]) -> u16 {
    let (certificate, key) = certificate;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.extend(acceptor.accept(stream).await.ok());
        }
    });
    port
}

/// Connects to `https://HOST:PORT`; what is said if that fails.
async fn connect_to(host: &str, port: u16, authorities: &[Vec<u8>]) -> Result<(), String> {
    let upstream = Upstream::Tcp {
        host: host.to_owned(),
        port,
        tls: true,
    };
    let script = Script::new([Step::Finds(vec![([127, 0, 0, 1], port).into()])]);
    let upstream = UpstreamAddress::with_look_up(
        &upstream,
        Some(authorities),
        UpstreamProtocol::Http1,
        script,
    );
    let connector = Connector::new(Descriptors::new(100));
    let connecting = connector.connect(&upstream, true, soon());
    // Nothing that a certificate lacks comes by trying until the deadline.
    let connected = tokio::time::timeout(LONG.div_f32(2.0), connecting)
        .await
        .unwrap();
    connected.map(drop).map_err(|error| error.to_string())
}

async fn verify(
    host: &str,
    certificate: Certificate,
    authorities: &[Vec<u8>],
) -> Result<(), String> {
    let port = serve(certificate, rustls::ALL_VERSIONS).await;
    connect_to(host, port, authorities).await
}

fn assert_says(failed: Result<(), String>, words: &str) {
    let failed = failed.unwrap_err();
    assert!(failed.contains(words), "{failed}\nshould say: {words}");
    assert!(failed.contains(": 1 attempt: "), "{failed}");
}

#[tokio::test]
async fn a_self_signed_certificate_is_accepted_if_it_is_exactly_the_pinned_one() {
    let mut plain = params(&["app.internal"]);
    plain.distinguished_name.push(DnType::CommonName, "app");
    let mut authority = plain.clone();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for params in [plain, authority] {
        let certificate = self_signed(&params);
        let pinned = [certificate.0.to_vec()];
        let port = serve(certificate, rustls::ALL_VERSIONS).await;
        assert_eq!(connect_to("app.internal", port, &pinned).await, Ok(()));
        assert_says(
            connect_to("other.internal", port, &pinned).await,
            "the app's certificate is not for other.internal, but for app.internal",
        );
        // The same names, and another key.
        assert!(
            verify("app.internal", self_signed(&params), &pinned)
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn a_pinned_certificate_without_names_stands_for_any() {
    let mut params = params(&[]);
    params.distinguished_name.push(DnType::CommonName, "app");
    let certificate = self_signed(&params);
    let pinned = [certificate.0.to_vec()];
    assert_eq!(verify("app.internal", certificate, &pinned).await, Ok(()));
}

#[tokio::test]
async fn a_pinned_certificate_counts_in_its_time_alone() {
    let mut expired = params(&["app.internal"]);
    expired.not_before = date_time_ymd(2001, 1, 1);
    expired.not_after = date_time_ymd(2001, 2, 1);
    let certificate = self_signed(&expired);
    let pinned = [certificate.0.to_vec()];
    assert_says(
        verify("app.internal", certificate, &pinned).await,
        "the app's certificate expired at 2001-02-01T00:00:00Z",
    );
    let mut early = params(&["app.internal"]);
    early.not_before = date_time_ymd(2900, 1, 1);
    early.not_after = date_time_ymd(2901, 1, 1);
    let certificate = self_signed(&early);
    let pinned = [certificate.0.to_vec()];
    assert_says(
        verify("app.internal", certificate, &pinned).await,
        "the app's certificate is not valid before 2900-01-01T00:00:00Z",
    );
}

#[tokio::test]
async fn a_pinned_certificate_is_of_no_use_without_its_key() {
    let params = params(&["app.internal"]);
    let (certificate, _key) = self_signed(&params);
    let pinned = [certificate.to_vec()];
    let provider = rustls::crypto::ring::default_provider();
    let other = PrivatePkcs8KeyDer::from(KeyPair::generate().unwrap().serialize_der());
    let other = provider
        .key_provider
        .load_private_key(other.into())
        .unwrap();
    let impostor = rustls::sign::CertifiedKey::new(vec![certificate], other);
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(impostor)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    assert!(connect_to("app.internal", port, &pinned).await.is_err());
}

#[tokio::test]
async fn a_certificate_of_an_authority_is_judged_in_words() {
    let good = params(&["app.internal", "*.apps.internal"]);
    let (authority, certificate) = signed(&good);
    let port = serve(certificate, rustls::ALL_VERSIONS).await;
    let trusted = [authority];
    assert_eq!(connect_to("app.internal", port, &trusted).await, Ok(()));
    assert_eq!(
        connect_to("one.apps.internal", port, &trusted).await,
        Ok(())
    );
    assert_says(
        connect_to("elsewhere.internal", port, &trusted).await,
        "the app's certificate is not for elsewhere.internal, but for app.internal, *.apps.internal",
    );
    let (other, _) = signed(&good);
    assert_says(
        connect_to("app.internal", port, &[other]).await,
        "signed by an authority that is not trusted; see upstream_ca",
    );
    let mut expired = params(&["app.internal"]);
    expired.not_before = date_time_ymd(2001, 1, 1);
    expired.not_after = date_time_ymd(2001, 2, 1);
    let (authority, certificate) = signed(&expired);
    assert_says(
        verify("app.internal", certificate, &[authority]).await,
        "the app's certificate expired at 2001-02-01T00:00:00Z",
    );
    let mut authority_too = params(&["app.internal"]);
    authority_too.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (authority, certificate) = signed(&authority_too);
    assert_says(
        verify("app.internal", certificate, &[authority]).await,
        "an authority's own; it is accepted if upstream_ca holds exactly it",
    );
}

#[tokio::test]
async fn an_app_that_speaks_otherwise_is_told_of() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = io::Read::read(&mut stream, &mut [0; 1_024]);
            let _ = io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let (authority, _) = signed(&params(&["app.internal"]));
    assert_says(
        connect_to("app.internal", port, std::slice::from_ref(&authority)).await,
        "what answers there does not speak TLS; is the upstream http://?",
    );
    assert!(
        connect_to("-", port, &[authority])
            .await
            .unwrap_err()
            .contains("is no name that a certificate can have")
    );
}

#[tokio::test]
async fn a_handshake_that_stands_still_is_passed_over() {
    let silent = TcpListener::bind("127.0.0.2:0").unwrap();
    let (authority, certificate) = signed(&params(&["app.internal"]));
    let port = serve(certificate, rustls::ALL_VERSIONS).await;
    let upstream = Upstream::Tcp {
        host: "app.internal".to_owned(),
        port,
        tls: true,
    };
    let found = vec![silent.local_addr().unwrap(), ([127, 0, 0, 1], port).into()];
    let script = Script::new([Step::Finds(found)]);
    let upstream = UpstreamAddress::with_look_up(
        &upstream,
        Some(&[authority]),
        UpstreamProtocol::Http1,
        script,
    );
    let connector = Connector::new(Descriptors::new(100));
    let connected = connector.connect(&upstream, true, soon()).await.unwrap();
    assert_eq!(
        connected.destination.address().to_string(),
        format!("127.0.0.1:{port}")
    );
}
