//! A load of TLS handshakes: connections of TLS 1.3 with one request each, one after the other.
//!
//! usage: `handshakes ADDRESS CERTIFICATE FILE SECONDS CONNECTIONS full|resumed`: so many threads connect to a
//! server that has the certificate of that PEM file, send the raw request in FILE, which asks that the connection
//! be closed, and read to the end. With `resumed`, each handshake takes up the session of the one before by a
//! ticket; with `full`, none does. Only TLS_AES_128_GCM_SHA256 and X25519 are offered. Prints one line:
//! connections answered with 2xx, those of them whose handshake resumed a session, and connections that failed.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::{cipher_suite, default_provider, kx_group};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, HandshakeKind, SignatureScheme, Stream,
};

/// The name that the certificate is for.
const NAME: &str = "hooks.example.com";

/// Takes one certificate and no other; it vouches for itself.
#[derive(Debug)]
struct This {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

struct Load {
    address: SocketAddr,
    request: Vec<u8>,
    verifier: Arc<This>,
    resumes: bool,
    until: Instant,
}

#[derive(Default)]
struct Tally {
    answered: u64,
    resumed: u64,
    failed: u64,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = || {
        let text = "ADDRESS CERTIFICATE FILE SECONDS CONNECTIONS full|resumed";
        Error::new(ErrorKind::InvalidInput, text)
    };
    let [address, certificate, file, seconds, connections, kind] = &arguments[..] else {
        return Err(usage());
    };
    let mut provider = default_provider();
    provider.cipher_suites = vec![cipher_suite::TLS13_AES_128_GCM_SHA256];
    provider.kx_groups = vec![kx_group::X25519];
    let seconds = seconds.parse().map_err(|_| usage())?;
    let load = Arc::new(Load {
        address: address.parse().map_err(|_| usage())?,
        request: std::fs::read(file)?,
        verifier: Arc::new(This {
            certificate: CertificateDer::from_pem_file(certificate).map_err(Error::other)?,
            provider: Arc::new(provider),
        }),
        resumes: match kind.as_str() {
            "full" => false,
            "resumed" => true,
            _ => return Err(usage()),
        },
        until: Instant::now() + Duration::from_secs_f64(seconds),
    });
    let connections: usize = connections.parse().map_err(|_| usage())?;
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let load = Arc::clone(&load);
            thread::spawn(move || load.send())
        })
        .collect();
    let mut all = Tally::default();
    for worker in workers {
        let tally = worker.join().map_err(|_| Error::other("a worker failed"))??;
        all.answered += tally.answered;
        all.resumed += tally.resumed;
        all.failed += tally.failed;
    }
    println!("{} {} {}", all.answered, all.resumed, all.failed);
    Ok(())
}

impl Load {
    /// Each worker keeps tickets of its own: one for the next connection is always there.
    fn send(&self) -> Result<Tally> {
        let config = Arc::new(self.config()?);
        let mut tally = Tally::default();
        while Instant::now() < self.until {
            match self.connect(&config) {
                Ok(kind) => {
                    tally.answered += 1;
                    tally.resumed += u64::from(kind == HandshakeKind::Resumed);
                }
                Err(_) => tally.failed += 1,
            }
        }
        Ok(tally)
    }

    fn config(&self) -> Result<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.verifier.provider));
        let builder = builder.with_protocol_versions(&[&TLS13]);
        let builder = builder.map_err(Error::other)?.dangerous();
        let verifier = Arc::clone(&self.verifier);
        let mut config = builder.with_custom_certificate_verifier(verifier).with_no_client_auth();
        config.resumption = match self.resumes {
            true => Resumption::in_memory_sessions(8),
            false => Resumption::disabled(),
        };
        Ok(config)
    }

    /// One connection with one request. Fails if that is answered with another status than 2xx.
    fn connect(&self, config: &Arc<ClientConfig>) -> Result<HandshakeKind> {
        let mut socket = TcpStream::connect(self.address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        let name = ServerName::try_from(NAME).map_err(Error::other)?;
        let mut connection =
            ClientConnection::new(Arc::clone(config), name).map_err(Error::other)?;
        let mut stream = Stream::new(&mut connection, &mut socket);
        stream.write_all(&self.request)?;
        let mut answer = Vec::with_capacity(1024);
        match stream.read_to_end(&mut answer) {
            // Some servers end the connection without a word.
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(error),
            _ => {}
        }
        if !answer.starts_with(b"HTTP/1.1 2") {
            return Err(Error::other("the answer is not 2xx"));
        }
        connection.handshake_kind().ok_or_else(|| Error::other("no handshake"))
    }
}

impl ServerCertVerifier for This {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        match *end_entity == self.certificate {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(rustls::Error::General("another certificate".into())),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not offered".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
