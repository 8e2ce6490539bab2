//! Asking for the addresses of a name.

use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;

use super::tls::TlsSetupError;

/// Why there is no address to connect to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("the name {0} does not exist")]
    NoSuchName(String),
    #[error("no name server answers for {0}")]
    NoNameServer(String),
    #[error("the name {0} has no address")]
    NoAddress(String),
    #[error("looking up the name {0} failed")]
    Failed(String),
    #[error("looking up the name {0} takes longer than upstream_connect_timeout")]
    TooSlow(String),
    #[error(transparent)]
    Tls(TlsSetupError),
}

/// Finds the addresses of a name.
#[async_trait]
pub(super) trait LookUp: Send + Sync {
    /// The addresses of `host`, each with `port`, the best first.
    async fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// Asks the system, as every other program does: `/etc/hosts`, then name servers.
pub(super) struct SystemLookUp;

#[async_trait]
impl LookUp for SystemLookUp {
    async fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let found = tokio::net::lookup_host((host, port)).await;
        found.map(Iterator::collect)
    }
}

/// Why a look-up failed. The system says so in a text alone; these are the texts of glibc, musl and the BSDs.
pub(super) fn lookup_error(error: &io::Error, host: &str) -> LookupError {
    let said = error.to_string();
    let says = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
    let host = host.to_owned();
    if says(&["not known", "does not resolve", "nodename nor servname"]) {
        LookupError::NoSuchName(host)
    } else if says(&["Temporary failure", "Try again"]) {
        LookupError::NoNameServer(host)
    } else if says(&["No address", "no address"]) {
        LookupError::NoAddress(host)
    } else {
        LookupError::Failed(host)
    }
}
