//! Certificates that hookward proves itself with, and their keys, from PEM files.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::InconsistentKeys;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use zeroize::Zeroizing;

use super::authorities::read_authorities;
use crate::config::settings::TlsCertificate;

/// A larger file holds no key.
const MAX_KEY_BYTES: u64 = 1 << 20;

/// A server's certificate, followed by those that signed it, as DER. Each is an X.509 certificate.
pub(super) struct Chain(Vec<Vec<u8>>);

/// When a certificate is valid, in seconds since the epoch.
#[derive(Clone, Copy)]
pub(super) struct Validity {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl Chain {
    /// Reads a PEM file of certificates in the order in which they are sent.
    pub(super) fn read(file: &Path) -> Result<Self, String> {
        let chain = Self(read_authorities(file).map_err(|error| error.to_string())?);
        chain.check_order()?;
        Ok(chain)
    }

    fn parsed(&self) -> impl Iterator<Item = X509Certificate<'_>> {
        let parsed = self
            .0
            .iter()
            .map(|der| x509_parser::parse_x509_certificate(der));
        parsed.filter_map(|parsed| Some(parsed.ok()?.1))
    }

    /// A server's own certificate comes first, and each is followed by the one that signed it (RFC 5246
    /// section 7.4.2).
    fn check_order(&self) -> Result<(), String> {
        let parsed: Vec<X509Certificate<'_>> = self.parsed().collect();
        for (number, pair) in (1_usize..).zip(parsed.windows(2)) {
            if let [one, next] = pair
                && one.issuer() != next.subject()
            {
                return Err(format!(
                    "the chain is in the wrong order: certificate {} of the file did not sign certificate \
                     {number}; expected the server's own first and each followed by the one that signed it",
                    number.saturating_add(1)
                ));
            }
        }
        Ok(())
    }

    /// When each is valid, the server's own first.
    pub(super) fn validities(&self) -> impl Iterator<Item = Validity> {
        self.parsed().map(|certificate| {
            let validity = certificate.validity();
            Validity {
                not_before: validity.not_before.timestamp(),
                not_after: validity.not_after.timestamp(),
            }
        })
    }

    /// Puts the chain together with its key. `None` where the key is another's.
    pub(super) fn with_key(&self, key: Arc<dyn SigningKey>) -> Option<TlsCertificate> {
        let leaf = self.parsed().next()?;
        let names = names(&leaf);
        let chain = self.0.iter().cloned().map(CertificateDer::from);
        let certified = CertifiedKey::new(chain.collect(), key);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(_) => return None,
        }
        Some(TlsCertificate {
            certified: Arc::new(certified),
            subject: subject(&leaf, &names),
            names,
            not_before: leaf.validity().not_before.timestamp(),
            not_after: leaf.validity().not_after.timestamp(),
        })
    }
}

/// Reads a PEM file with a private key.
pub(super) fn read_key(file: &Path) -> Result<Arc<dyn SigningKey>, String> {
    let unreadable = |error: std::io::Error| format!("cannot read the file: {error}");
    let metadata = std::fs::metadata(file).map_err(unreadable)?;
    // Opening a pipe could wait for ever.
    if !metadata.is_file() || metadata.len() > MAX_KEY_BYTES {
        return Err("it is no regular file of at most 1 MiB".to_owned());
    }
    let pem = Zeroizing::new(std::fs::read(file).map_err(unreadable)?);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| no_key(&pem).to_owned())?;
    any_supported_type(&key).map_err(|_| {
        "this kind of key cannot be used; expected RSA of 2048 to 4096 bits, ECDSA (P-256, P-384) or Ed25519".to_owned()
    })
}

/// Why there is no key in a file.
fn no_key(pem: &[u8]) -> &'static str {
    let has = |text: &[u8]| memchr::memmem::find(pem, text).is_some();
    // The older form says it in a line of its own (RFC 1421 section 4.6.1.1).
    if has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED") {
        "the key is encrypted with a password, which nobody can type here; expected it without one"
    } else {
        "the file holds no private key; expected -----BEGIN PRIVATE KEY-----"
    }
}

/// The names that a certificate is for (RFC 9525 section 6.3), in small letters, and its addresses.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
            _ => None,
        })
        .collect()
}

/// An address as a certificate has it (RFC 5280 section 4.2.1.6).
fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from);
    v4().or_else(v6)
}

/// What a certificate is called in the metrics: its first name, or its subject.
fn subject(certificate: &X509Certificate<'_>, names: &[String]) -> String {
    match names.first() {
        Some(name) => name.clone(),
        None => certificate.subject().to_string(),
    }
}
