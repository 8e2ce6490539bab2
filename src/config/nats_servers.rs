//! `spool.url`: the servers of a NATS, and how they are told who we are.
//!
//! User and password stand in the URL, as everywhere with NATS, but the library that connects does not look for
//! them there: it is told them beside the addresses. So the text is taken apart here. All servers are one
//! NATS: they are reached in one way, with TLS or without, and by one user.
//!
//! Errors and `Debug` never show user, password and token; they are wiped when they are dropped.

mod error;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};

pub use error::NatsServersError;

use super::url_parts::{is_loopback, read_server, unescaped};

const PLAIN: &str = "nats";
const WITH_TLS: &str = "tls";
const DEFAULT_PORT: u16 = 4222;

/// The servers of a NATS; there is at least one.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsServers {
    /// Each as `HOST:PORT`.
    servers: Vec<String>,
    needs_tls: bool,
    login: Option<NatsLogin>,
}

/// What a URL says of who we are.
#[derive(Clone, Debug)]
pub enum NatsLogin {
    /// `USER:PASSWORD@`.
    Password {
        /// The user.
        user: SecretString,
        /// The password.
        password: SecretString,
    },
    /// `TOKEN@`.
    Token(SecretString),
}

impl NatsServers {
    /// Each server as `nats://HOST:PORT` or `tls://HOST:PORT`, without user, password and token.
    pub fn urls(&self) -> impl Iterator<Item = String> {
        let scheme = self.scheme();
        let servers = self.servers.iter();
        servers.map(move |server| format!("{scheme}://{server}"))
    }

    /// Whether nothing may be said without TLS, also to servers of which these tell.
    #[must_use]
    pub fn needs_tls(&self) -> bool {
        self.needs_tls
    }

    /// Who we are, for all servers, without escapes.
    #[must_use]
    pub fn login(&self) -> Option<&NatsLogin> {
        self.login.as_ref()
    }

    /// Whether a password or token may be sent to another machine without TLS.
    pub(crate) fn exposes_login(&self) -> bool {
        let is_elsewhere = |server: &String| {
            let host = server.rsplit_once(':').map_or("", |(host, _)| host);
            !is_loopback(host.trim_matches(['[', ']']))
        };
        self.login.is_some() && !self.needs_tls && self.servers.iter().any(is_elsewhere)
    }

    fn scheme(&self) -> &'static str {
        if self.needs_tls { WITH_TLS } else { PLAIN }
    }
}

/// Where they are, without user, password and token: `nats://127.0.0.1:4222,nats://127.0.0.1:4223`.
impl fmt::Display for NatsServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.urls().collect::<Vec<_>>().join(","))
    }
}

impl fmt::Debug for NatsServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NatsServers")
            .field(&self.to_string())
            .finish()
    }
}

impl FromStr for NatsServers {
    type Err = NatsServersError;

    fn from_str(text: &str) -> Result<Self, NatsServersError> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NatsServersError::Bytes);
        }
        let scheme = text
            .split_once("://")
            .map(|(scheme, _)| scheme)
            .filter(|scheme| [PLAIN, WITH_TLS].contains(scheme))
            .ok_or(NatsServersError::Scheme)?;
        let mut servers = Vec::new();
        let mut login = None;
        for (number, element) in text.split(',').enumerate() {
            let (user, server) = read_element(element, scheme)?;
            let own = user.map(read_login).transpose()?;
            // One that is left out is the first server's.
            if number == 0 {
                login = own;
            } else if own.is_some() && own != login {
                return Err(NatsServersError::OtherLogin);
            }
            servers.push(server);
        }
        Ok(Self {
            servers,
            needs_tls: scheme == WITH_TLS,
            login,
        })
    }
}

/// What stands before the `@` of one server, and its `HOST:PORT`. The scheme may be left out.
fn read_element<'t>(
    element: &'t str,
    scheme: &str,
) -> Result<(Option<&'t str>, String), NatsServersError> {
    if element.is_empty() {
        return Err(NatsServersError::Element);
    }
    let server = match element.split_once("://") {
        Some((own, server)) if own == scheme => server,
        Some((PLAIN | WITH_TLS, _)) => return Err(NatsServersError::OtherScheme),
        Some(_) => return Err(NatsServersError::Scheme),
        None => element,
    };
    let server = server.strip_suffix('/').unwrap_or(server);
    if server.contains(['/', '?', '#']) {
        return Err(NatsServersError::Rest);
    }
    let (user, server) = match server.rsplit_once('@') {
        Some((user, server)) => (Some(user), server),
        None => (None, server),
    };
    Ok((user, read_server(server, DEFAULT_PORT)?))
}

/// `USER:PASSWORD` or `TOKEN`.
fn read_login(text: &str) -> Result<NatsLogin, NatsServersError> {
    let read = |part: &str| {
        let text = unescaped(part).filter(|text| !text.is_empty() && !part.contains(['@', ':']));
        let text = text.map(|text| SecretString::from(text.as_str()));
        text.ok_or(NatsServersError::Login)
    };
    match text.split_once(':') {
        Some((user, password)) => Ok(NatsLogin::Password {
            user: read(user)?,
            password: read(password)?,
        }),
        None => Ok(NatsLogin::Token(read(text)?)),
    }
}

impl NatsLogin {
    /// What nobody may see: the password, or the token.
    pub(crate) fn secret(&self) -> &SecretString {
        match self {
            Self::Password { password, .. } => password,
            Self::Token(token) => token,
        }
    }

    fn user(&self) -> Option<&str> {
        match self {
            Self::Password { user, .. } => Some(user.expose_secret()),
            Self::Token(_) => None,
        }
    }
}

impl PartialEq for NatsLogin {
    fn eq(&self, other: &Self) -> bool {
        let (own, others) = (self.secret(), other.secret());
        self.user() == other.user() && own.expose_secret() == others.expose_secret()
    }
}

impl Eq for NatsLogin {}
