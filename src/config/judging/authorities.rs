//! `upstream_ca`: the authorities that an https upstream is verified against.
//!
//! The file is read once, when the configuration is, and every certificate in it is parsed then: an
//! operator hears of a bad file before it stands between verified events and the app.

use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// Why a file gives no authorities.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthoritiesError {
    /// It cannot be read.
    #[error("cannot read the file: {0}")]
    Unreadable(std::io::Error),
    /// It is a directory, a pipe or a device.
    #[error("it is no regular file")]
    NotAFile,
    /// It is no PEM file.
    #[error("the file cannot be read as PEM: {0}")]
    NotPem(rustls_pki_types::pem::Error),
    /// It holds none.
    #[error("the file holds no certificate; expected -----BEGIN CERTIFICATE-----")]
    Empty,
    /// One is no X.509 certificate.
    #[error("certificate {0} of the file is no X.509 certificate")]
    NotX509(usize),
}

/// Reads a PEM file of one or more certificates; returns each as DER.
///
/// # Errors
/// See [`AuthoritiesError`].
pub fn read_authorities(path: &Path) -> Result<Vec<Vec<u8>>, AuthoritiesError> {
    let metadata = std::fs::metadata(path).map_err(AuthoritiesError::Unreadable)?;
    if !metadata.is_file() {
        return Err(AuthoritiesError::NotAFile);
    }
    let pem = std::fs::read(path).map_err(AuthoritiesError::Unreadable)?;
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(AuthoritiesError::NotPem)?;
        let number = certificates.len().saturating_add(1);
        if x509_parser::parse_x509_certificate(&certificate).is_err() {
            return Err(AuthoritiesError::NotX509(number));
        }
        certificates.push(certificate.to_vec());
    }
    if certificates.is_empty() {
        return Err(AuthoritiesError::Empty);
    }
    Ok(certificates)
}
