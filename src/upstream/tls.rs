//! TLS towards an app: which certificates prove that it is the one that was meant.
//!
//! An app proves itself by a certificate for its name that an authority of `upstream_ca` signed, or of
//! the system where there is no `upstream_ca`. It also does by presenting exactly a certificate of
//! `upstream_ca`, which is how a self-signed one is trusted: the usual path validation (RFC 5280
//! section 6) has no place for that. Such a pinned certificate must be within its validity, and its names count
//! as usual if it has any in its subjectAltName; one without a name there was meant by whoever pinned
//! it, whatever the app is called. A common name is no name (RFC 9525 section 2).

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::cause::{Cause, IsAuthority, TlsFailure};
use crate::config::UpstreamProtocol;

/// The name of HTTP/2 over TLS in ALPN (RFC 9113 section 3.2).
const HTTP2: &[u8] = b"h2";

/// How an app proves who it is, and the name by which it must.
#[derive(Debug)]
pub(crate) struct TlsClient {
    name: ServerName<'static>,
    /// The certificates of `upstream_ca`; the system's authorities where there is none.
    authorities: Option<Vec<Vec<u8>>>,
    protocol: UpstreamProtocol,
    config: Arc<ClientConfig>,
}

/// Why TLS cannot be spoken with any app of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsSetupError {
    #[error("{0} is no name that a certificate can have")]
    Name(String),
    #[error("TLS cannot be set up")]
    Config,
}

impl TlsClient {
    /// TLS with an app called `host`, a name or an IP address. `authorities` are DER certificates; the
    /// system's are used where there are none. Over HTTP/2 it must choose that by ALPN (RFC 7301); over
    /// HTTP/1.1 ALPN is not spoken.
    ///
    /// # Errors
    /// [`TlsSetupError`], above all for a host that no certificate can be for.
    pub(crate) fn new(
        host: &str,
        authorities: Option<&[Vec<u8>]>,
        protocol: UpstreamProtocol,
    ) -> Result<Self, TlsSetupError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| TlsSetupError::Name(host.to_owned()))?;
        let mut config = match authorities {
            Some(authorities) => Arc::new(client_config(authorities)?),
            None => system_config()?,
        };
        if protocol == UpstreamProtocol::Http2 {
            Arc::make_mut(&mut config).alpn_protocols = vec![HTTP2.to_vec()];
        }
        let authorities = authorities.map(<[Vec<u8>]>::to_vec);
        Ok(Self {
            name,
            authorities,
            protocol,
            config,
        })
    }

    /// Speaks TLS on a new connection.
    pub(crate) async fn handshake(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Cause> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let shaking = connector.connect(self.name.clone(), stream);
        let shaken = shaking.await;
        let stream = shaken.map_err(|error| Cause::of_handshake(&error))?;
        let (_, session) = stream.get_ref();
        if self.protocol == UpstreamProtocol::Http2 && session.alpn_protocol() != Some(HTTP2) {
            return Err(TlsFailure::NoHttp2.into());
        }
        Ok(stream)
    }
}

impl PartialEq for TlsClient {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.authorities == other.authorities
            && self.protocol == other.protocol
    }
}

impl Eq for TlsClient {}

impl Hash for TlsClient {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.authorities.hash(state);
        self.protocol.hash(state);
    }
}

/// The configuration for apps that the system's authorities vouch for: read once, shared by all.
fn system_config() -> Result<Arc<ClientConfig>, TlsSetupError> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, TlsSetupError>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let authorities = pingora::tls::load_native_certs().unwrap_or_default();
        if authorities.is_empty() {
            tracing::warn!(
                event = "no_system_certificates",
                "this system has no certificates of authorities: https upstreams need upstream_ca"
            );
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities);
        config_with(AppVerifier::new(roots, Vec::new())).map(Arc::new)
    });
    config.clone()
}

fn client_config(authorities: &[Vec<u8>]) -> Result<ClientConfig, TlsSetupError> {
    let pinned: Vec<_> = authorities
        .iter()
        .map(|certificate| CertificateDer::from(certificate.clone()))
        .collect();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(pinned.iter().cloned());
    config_with(AppVerifier::new(roots, pinned))
}

fn config_with(verifier: AppVerifier) -> Result<ClientConfig, TlsSetupError> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| TlsSetupError::Config)?;
    let builder = builder.dangerous();
    let builder = builder.with_custom_certificate_verifier(Arc::new(verifier));
    Ok(builder.with_no_client_auth())
}

/// Judges an app's certificate.
#[derive(Debug)]
struct AppVerifier {
    /// By the authority that signed it. Absent where there is no authority.
    by_authority: Option<Arc<WebPkiServerVerifier>>,
    /// By being one of these.
    pinned: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl AppVerifier {
    fn new(roots: RootCertStore, pinned: Vec<CertificateDer<'static>>) -> Self {
        let provider = Arc::new(ring::default_provider());
        let builder =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        Self {
            by_authority: builder.build().ok(),
            pinned,
            provider,
        }
    }
}

impl ServerCertVerifier for AppVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.pinned.iter().any(|pinned| pinned == end_entity) {
            return verify_pinned(end_entity, server_name, now);
        }
        let Some(by_authority) = &self.by_authority else {
            return Err(CertificateError::UnknownIssuer.into());
        };
        let verified = by_authority.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        verified.map_err(|error| match error {
            Error::InvalidCertificate(CertificateError::Other(_)) if is_authority(end_entity) => {
                CertificateError::Other(OtherError(Arc::new(IsAuthority))).into()
            }
            error => error,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// A certificate that `upstream_ca` holds itself: its time and, if it has any, its names.
fn verify_pinned(
    certificate: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|_| CertificateError::BadEncoding)?;
    let validity = parsed.validity();
    let (not_before, not_after) = (
        unix_time(validity.not_before.timestamp()),
        unix_time(validity.not_after.timestamp()),
    );
    if now < not_before {
        return Err(CertificateError::NotValidYetContext {
            time: now,
            not_before,
        }
        .into());
    }
    if now > not_after {
        return Err(CertificateError::ExpiredContext {
            time: now,
            not_after,
        }
        .into());
    }
    if has_names(&parsed) {
        let parsed = ParsedCertificate::try_from(certificate)?;
        rustls::client::verify_server_name(&parsed, server_name)?;
    }
    Ok(ServerCertVerified::assertion())
}

fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    x509_parser::parse_x509_certificate(certificate).is_ok_and(|(_, parsed)| parsed.is_ca())
}

fn has_names(certificate: &X509Certificate<'_>) -> bool {
    let is_name = |name: &GeneralName<'_>| {
        matches!(name, GeneralName::DNSName(_) | GeneralName::IPAddress(_))
    };
    match certificate.subject_alternative_name() {
        Ok(Some(names)) => names.value.general_names.iter().any(is_name),
        Ok(None) => false,
        // There are two extensions of names, and it is not clear which counts: they must match.
        Err(_) => true,
    }
}

/// A time before 1970 is 1970.
fn unix_time(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}
