//! `[server.tls]`, and what is doubtful about its files.
//!
//! Files are read once, when the configuration is: an operator hears of a bad one before senders do, and a
//! reload with a bad one changes nothing.

use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use rustls::RootCertStore;

use super::authorities::read_authorities;
use super::certificate::{Chain, Validity, read_key};
use super::listen::tls_listen;
use super::values::located;
use crate::config::finding::Findings;
use crate::config::listen_address::ListenAddress;
use crate::config::reading::raw::{RawCertificate, RawTls, RawTlsVersion};
use crate::config::reading::spanned::Spanned;
use crate::config::settings::{Secrets, TlsCertificate, TlsConfig, TlsVersion};

const CERTIFICATES: &str = "server.tls.certificates";
const CLIENT_CA: &str = "server.tls.client_ca";

const DAY_SECS: i64 = 24 * 3_600;
/// How many seconds before its end a certificate is warned of.
const SOON_SECS: i64 = 14 * DAY_SECS;

/// Judges `[server.tls]`. `taken` are the addresses of `server.listen`.
pub(super) fn tls(
    raw: RawTls,
    table: &Range<usize>,
    taken: &[ListenAddress],
    secrets: Secrets,
    findings: &mut Findings<'_>,
) -> Option<TlsConfig> {
    let listen = tls_listen(raw.listen, table, taken, findings);
    let certificates = certificates(raw.certificates.as_ref(), table, secrets, findings);
    let client_ca = raw
        .client_ca
        .and_then(|file| read_client_ca(&file, secrets, findings));
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

fn certificates(
    raw: Option<&Spanned<Vec<Spanned<RawCertificate>>>>,
    table: &Range<usize>,
    secrets: Secrets,
    findings: &mut Findings<'_>,
) -> Option<Vec<TlsCertificate>> {
    let Some(list) = raw else {
        let message = "required, such as [{ cert = \"/etc/hookward/tls.crt\", key = \
                       \"/etc/hookward/tls.key\" }]";
        findings.missing(table.clone(), CERTIFICATES, message);
        return None;
    };
    if list.get_ref().is_empty() {
        let message = "expected at least one certificate";
        findings.error(list.span(), CERTIFICATES, message);
        return None;
    }
    let mut certificates = Vec::new();
    for entry in list.get_ref() {
        certificates.extend(judge_entry(entry, secrets, findings));
    }
    Some(certificates)
}

/// Reads one certificate with its key; `None` where it cannot be used, or is not read.
fn judge_entry(
    entry: &Spanned<RawCertificate>,
    secrets: Secrets,
    findings: &mut Findings<'_>,
) -> Option<TlsCertificate> {
    let raw = entry.get_ref();
    for (file, key, what) in [
        (
            &raw.cert,
            "cert",
            "the file of the certificate, followed by those that signed it",
        ),
        (&raw.key, "key", "the file of the certificate's private key"),
    ] {
        match file {
            Some(file) => findings.names_file(file.get_ref()),
            None => {
                let key = format!("{CERTIFICATES}.{key}");
                findings.missing(entry.span(), &key, format!("required: {what}"));
            }
        }
    }
    let (Some(cert), Some(key)) = (&raw.cert, &raw.key) else {
        return None;
    };
    if secrets == Secrets::Skip {
        return None;
    }
    let chain = located(
        cert,
        CERTIFICATES,
        Chain::read(cert.get_ref().as_ref()),
        findings,
    );
    let signer = located(
        key,
        CERTIFICATES,
        read_key(key.get_ref().as_ref()),
        findings,
    );
    if let Some(mode) = open_to_others(key.get_ref().as_ref()) {
        let message = format!(
            "every user of this machine may use this key (mode {mode:03o}); give it to hookward's user alone \
             (chmod 600)"
        );
        findings.warning(key.span(), CERTIFICATES, message);
    }
    let chain = chain?;
    for (number, validity) in (1_usize..).zip(chain.validities()) {
        let what = match number {
            1 => "this certificate".to_owned(),
            number => format!("certificate {number} of the file"),
        };
        if let Some(doubt) = doubt_of_time(validity) {
            findings.warning(cert.span(), CERTIFICATES, format!("{what} {doubt}"));
        }
    }
    let certificate = chain.with_key(signer?);
    if certificate.is_none() {
        let message =
            "this key is not that of the certificate; expected the pair that belongs together";
        findings.error(key.span(), CERTIFICATES, message);
    }
    certificate
}

/// The permissions of a key's file, if they take in everybody. A group may have it, as Debian's `ssl-cert`.
fn open_to_others(file: &Path) -> Option<u32> {
    const OTHERS_READ_OR_WRITE: u32 = 0o006;
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    (mode & OTHERS_READ_OR_WRITE != 0).then_some(mode)
}

fn doubt_of_time(validity: Validity) -> Option<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    let left = validity.not_after.saturating_sub(now);
    if left < 0 {
        Some("has ended: senders refuse it; replace it".to_owned())
    } else if left < DAY_SECS {
        Some("ends in less than a day; replace it before that".to_owned())
    } else if left < SOON_SECS {
        let days = left / DAY_SECS;
        let plural = if days == 1 { "" } else { "s" };
        Some(format!(
            "ends in {days} day{plural}; replace it before that"
        ))
    } else if validity.not_before > now {
        Some("is not valid yet: senders refuse it until then; is the clock right?".to_owned())
    } else {
        None
    }
}

/// Reads the authorities of senders. Each must be one by which a certificate can be verified.
fn read_client_ca(
    file: &Spanned<String>,
    secrets: Secrets,
    findings: &mut Findings<'_>,
) -> Option<Vec<Vec<u8>>> {
    findings.names_file(file.get_ref());
    if secrets == Secrets::Skip {
        return None;
    }
    let read = read_authorities(file.get_ref().as_ref());
    let authorities = located(file, CLIENT_CA, read, findings)?;
    let mut roots = RootCertStore::empty();
    for (number, der) in (1_usize..).zip(&authorities) {
        if roots.add(der.clone().into()).is_err() {
            let message =
                format!("certificate {number} of the file cannot be used as an authority");
            findings.error(file.span(), CLIENT_CA, message);
        } else if !can_sign(der) {
            let message = format!(
                "certificate {number} of the file is no authority (its basicConstraints do not say CA): no \
                 sender has a certificate that it signed; expected the authority's own"
            );
            findings.warning(file.span(), CLIENT_CA, message);
        }
    }
    Some(authorities)
}

/// Whether a certificate is an authority's, or signed by itself: then it is verified by being the same.
fn can_sign(der: &[u8]) -> bool {
    x509_parser::parse_x509_certificate(der)
        .is_ok_and(|(_, one)| one.is_ca() || one.issuer() == one.subject())
}
