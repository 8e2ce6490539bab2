//! Judges `[admin]`.

use std::net::IpAddr;

use super::listen::{in_use, socket_address};
use super::proxies::host_alone;
use crate::config::finding::Findings;
use crate::config::listen_address::ListenAddress;
use crate::config::reading::raw::RawAdmin;
use crate::config::reading::spanned::Spanned;
use crate::config::settings::AdminConfig;

/// Reads `[admin]`. `taken` are the addresses of `[server]`.
pub(super) fn admin(
    raw: Option<Spanned<RawAdmin>>,
    taken: &[ListenAddress],
    findings: &mut Findings<'_>,
) -> Option<AdminConfig> {
    let span = raw.as_ref().map_or(0..0, Spanned::span);
    let raw = raw.map(Spanned::into_inner).unwrap_or_default();
    let hosts = raw.hosts.unwrap_or_default();
    let hosts: Vec<Option<String>> = hosts.iter().map(|host| read_host(host, findings)).collect();
    let Some(listen) = raw.listen else {
        let message = "required, such as \"127.0.0.1:9464\"";
        findings.missing(span, "admin.listen", message);
        return None;
    };
    let address = socket_address(&listen, "admin.listen", findings)?;
    if address.port() != 0 && taken.contains(&address.into()) {
        let message = "server.listen has this address; expected another";
        findings.error(listen.span(), "admin.listen", message);
    } else if let Some(message) = in_use(&address.into(), taken) {
        findings.error(listen.span(), "admin.listen", message);
    }
    if !is_private(address.ip()) {
        let message = "this may be reached from a public network: anybody there sees the status page and the \
                       metrics; use a loopback or private address, or keep others out";
        findings.warning(listen.span(), "admin.listen", message);
    }
    Some(AdminConfig {
        listen: address,
        hosts: hosts.into_iter().collect::<Option<_>>()?,
    })
}

fn read_host(text: &Spanned<String>, findings: &mut Findings<'_>) -> Option<String> {
    host_alone(text.get_ref())
        .map_err(|message| findings.error(text.span(), "admin.hosts", message))
        .ok()
}

/// Whether an address is of the machine or of a private network (RFC 1918, RFC 4193).
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_loopback() || address.is_private() || address.is_link_local()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}
