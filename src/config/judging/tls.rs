//! `[server.tls]`: certificates with their keys, and what is doubtful about them.
//!
//! Files are read once, when the configuration is: an operator hears of a bad one before senders do, and a
//! reload with a bad one changes nothing.

use std::net::SocketAddr;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::InconsistentKeys;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use zeroize::Zeroizing;

use super::authorities::read_authorities;
use super::server::addresses;
use crate::config::finding::Findings;
use crate::config::reading::raw::{RawCertificate, RawTls, RawTlsVersion};
use crate::config::reading::spanned::Spanned;
use crate::config::settings::{Secrets, TlsCertificate, TlsConfig, TlsVersion};

const CERTIFICATES: &str = "server.tls.certificates";
/// How many seconds before its end a certificate is warned of.
const SOON_SECS: i64 = 14 * 24 * 3_600;
/// A larger file holds no key.
const MAX_KEY_BYTES: u64 = 1 << 20;

/// Judges `[server.tls]`. `taken` are the addresses of `server.listen`.
pub(super) fn tls(
    raw: RawTls,
    table: &Range<usize>,
    taken: &[SocketAddr],
    secrets: Secrets,
    findings: &mut Findings<'_>,
) -> Option<TlsConfig> {
    let listen = addresses(raw.listen, table, "server.tls.listen", findings);
    for address in listen.iter().flatten() {
        if address.port() != 0 && taken.contains(address) {
            let message = "server.listen has this address too; expected another";
            findings.error(table.clone(), "server.tls.listen", message);
        }
    }
    let certificates = match &raw.certificates {
        Some(list) if list.get_ref().is_empty() => {
            findings.error(
                list.span(),
                CERTIFICATES,
                "expected at least one certificate",
            );
            None
        }
        Some(list) => {
            let mut certificates = Vec::new();
            for entry in list.get_ref() {
                certificates.extend(judge_entry(entry, secrets, findings));
            }
            Some(certificates)
        }
        None => {
            let message = "required, such as [{ cert = \"/etc/hookward/tls.crt\", key = \
                           \"/etc/hookward/tls.key\" }]";
            findings.missing(table.clone(), CERTIFICATES, message);
            None
        }
    };
    let client_ca = match &raw.client_ca {
        Some(file) => {
            findings.names_file(file.get_ref());
            match secrets {
                Secrets::Skip => None,
                Secrets::Read => super::values::located(
                    file,
                    "server.tls.client_ca",
                    read_authorities(Path::new(file.get_ref())),
                    findings,
                ),
            }
        }
        None => None,
    };
    Some(TlsConfig {
        listen: listen?,
        certificates: certificates?,
        http2: raw.http2.is_none_or(Spanned::into_inner),
        min_version: match raw.min_version.map(Spanned::into_inner) {
            Some(RawTlsVersion::Tls13) => TlsVersion::Tls13,
            Some(RawTlsVersion::Tls12) | None => TlsVersion::Tls12,
        },
        client_ca,
    })
}

fn judge_entry(
    entry: &Spanned<RawCertificate>,
    secrets: Secrets,
    findings: &mut Findings<'_>,
) -> Option<TlsCertificate> {
    let raw = entry.get_ref();
    let (Some(cert), Some(key)) = (&raw.cert, &raw.key) else {
        let message =
            "a certificate needs `cert`, the file of its chain, and `key`, that of its key";
        findings.error(entry.span(), CERTIFICATES, message);
        return None;
    };
    findings.names_file(cert.get_ref());
    findings.names_file(key.get_ref());
    if secrets == Secrets::Skip {
        return None;
    }
    let certificate = read(Path::new(cert.get_ref()), Path::new(key.get_ref()));
    let certificate = match certificate {
        Ok(certificate) => certificate,
        Err(Bad::Chain(message)) => {
            findings.error(cert.span(), CERTIFICATES, message);
            return None;
        }
        Err(Bad::Key(message)) => {
            findings.error(key.span(), CERTIFICATES, message);
            return None;
        }
    };
    if is_open_to_others(Path::new(key.get_ref())) {
        let message = "other users can read this key; give it to hookward's user alone (chmod 600)";
        findings.warning(key.span(), CERTIFICATES, message);
    }
    warn_of_end(&certificate, cert.span(), findings);
    Some(certificate)
}

fn warn_of_end(certificate: &TlsCertificate, span: Range<usize>, findings: &mut Findings<'_>) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    let left = certificate.not_after.saturating_sub(now);
    if left < 0 {
        let message = "this certificate has ended: senders refuse it; replace it";
        findings.warning(span, CERTIFICATES, message);
    } else if left < SOON_SECS {
        let days = left / (24 * 3_600);
        let message = format!("this certificate ends in {days} days; replace it before that");
        findings.warning(span, CERTIFICATES, message);
    }
}

/// Which of the two files is bad, and why.
enum Bad {
    Chain(String),
    Key(String),
}

fn read(cert: &Path, key: &Path) -> Result<TlsCertificate, Bad> {
    let chain = read_authorities(cert).map_err(|error| Bad::Chain(error.to_string()))?;
    let first = chain.first().map(Vec::as_slice).unwrap_or_default();
    let (_, leaf) = x509_parser::parse_x509_certificate(first)
        .map_err(|_| Bad::Chain("the certificate is no X.509 certificate".to_owned()))?;
    check_order(&chain)?;
    let names = names(&leaf);
    let subject = subject(&leaf, &names);
    let not_after = leaf.validity().not_after.timestamp();
    let key = read_key(key)?;
    let key = any_supported_type(&key).map_err(|_| {
        Bad::Key("this kind of key cannot be used; expected RSA, ECDSA or Ed25519".to_owned())
    })?;
    let chain = chain.iter().cloned().map(CertificateDer::from).collect();
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(_) => {
            let message = "this key is not that of the certificate; expected the pair that belongs \
                           together";
            return Err(Bad::Key(message.to_owned()));
        }
    }
    Ok(TlsCertificate {
        certified: Arc::new(certified),
        names,
        subject,
        not_after,
    })
}

/// A server's own certificate comes first, and each is followed by the one that signed it (RFC 5246 section
/// 7.4.2).
fn check_order(chain: &[Vec<u8>]) -> Result<(), Bad> {
    let parsed: Vec<X509Certificate<'_>> = chain
        .iter()
        .filter_map(|der| x509_parser::parse_x509_certificate(der).ok())
        .map(|(_, certificate)| certificate)
        .collect();
    for (number, pair) in (1_usize..).zip(parsed.windows(2)) {
        if let [one, next] = pair
            && one.issuer() != next.subject()
        {
            return Err(Bad::Chain(format!(
                "the chain is in the wrong order: certificate {} did not sign certificate {number}; \
                 expected the server's own first and each followed by the one that signed it",
                number.saturating_add(1)
            )));
        }
    }
    Ok(())
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, Bad> {
    let unreadable = |error: std::io::Error| Bad::Key(format!("cannot read the file: {error}"));
    let metadata = std::fs::metadata(file).map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > MAX_KEY_BYTES {
        return Err(Bad::Key(
            "it is no regular file of at most 1 MiB".to_owned(),
        ));
    }
    let pem = Zeroizing::new(std::fs::read(file).map_err(unreadable)?);
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        let message = "the file holds no private key without a password; expected -----BEGIN PRIVATE \
                       KEY-----";
        Bad::Key(message.to_owned())
    })
}

fn is_open_to_others(file: &Path) -> bool {
    const OTHERS: u32 = 0o007;
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & OTHERS != 0)
}

/// The names that a certificate is for (RFC 9525 section 6.3), in small letters.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

/// What a certificate is called in the metrics: its first name, or its subject.
fn subject(certificate: &X509Certificate<'_>, names: &[String]) -> String {
    match names.first() {
        Some(name) => name.clone(),
        None => certificate.subject().to_string(),
    }
}
