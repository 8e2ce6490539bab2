//! TLS with senders, as `[server.tls]` has it, ready for handshakes.
//!
//! It is made anew with each configuration, session tickets included: a sender whose certificate an authority
//! signed that is not in `client_ca` any more must not go on by a ticket of before.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

use crate::config::{TlsCertificate, TlsConfig, TlsVersion};

/// Makes handshakes by one configuration.
pub(crate) struct TlsServer {
    acceptor: TlsAcceptor,
}

impl TlsServer {
    /// TLS by this configuration. `None` where it has no certificate, or none of its authorities can be used.
    pub(crate) fn new(config: &TlsConfig) -> Option<Self> {
        let settings = settings(config)?;
        Some(Self {
            acceptor: TlsAcceptor::from(Arc::new(settings)),
        })
    }

    /// What makes them.
    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

fn settings(config: &TlsConfig) -> Option<ServerConfig> {
    const FROM_13: &[&SupportedProtocolVersion] = &[&TLS13];
    const FROM_12: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];
    let provider = Arc::new(ring::default_provider());
    let versions = match config.min_version {
        TlsVersion::Tls12 => FROM_12,
        TlsVersion::Tls13 => FROM_13,
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .ok()?;
    let builder = match &config.client_ca {
        Some(authorities) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(authorities.iter().map(|der| der.clone().into()));
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.ok()?)
        }
        None => builder.with_no_client_auth(),
    };
    let mut settings = builder.with_cert_resolver(Arc::new(ByName::new(&config.certificates)?));
    settings.alpn_protocols = match config.http2 {
        true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        false => vec![b"http/1.1".to_vec()],
    };
    settings.ticketer = ring::Ticketer::new().ok()?;
    // What comes before the handshake is done could be sent again by anybody (RFC 8446 section 8).
    settings.max_early_data_size = 0;
    Some(settings)
}

/// Chooses a certificate by the name that a sender asks for (RFC 6066 section 3).
#[derive(Debug)]
struct ByName {
    certificates: Vec<(Vec<String>, Arc<CertifiedKey>)>,
    first: Arc<CertifiedKey>,
}

impl ByName {
    fn new(certificates: &[TlsCertificate]) -> Option<Self> {
        let first = Arc::clone(&certificates.first()?.certified);
        let certificates = certificates.iter();
        Some(Self {
            certificates: certificates
                .map(|one| (one.names.clone(), Arc::clone(&one.certified)))
                .collect(),
            first,
        })
    }

    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let name = name.to_ascii_lowercase();
        let wildcard = name.split_once('.').map(|(_, rest)| format!("*.{rest}"));
        let has = |wanted: &str| {
            let mut certificates = self.certificates.iter();
            certificates.find(|(names, _)| names.iter().any(|name| name == wanted))
        };
        let found = has(&name).or_else(|| has(&wildcard?));
        found.map(|(_, certified)| certified)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let found = hello.server_name().and_then(|name| self.find(name));
        Some(Arc::clone(found.unwrap_or(&self.first)))
    }
}
