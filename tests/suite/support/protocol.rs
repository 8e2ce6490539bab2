//! The protocols that a sender may speak, so that one list of cases runs over each.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::PATIENCE;
use super::client::{Answer, Client, Request};
use super::http2::Http2Client;

/// How requests travel to the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http1OverTls,
    Http2OverTls,
    /// HTTP/2 without TLS, which only a trusted proxy may speak.
    Http2,
}

thread_local! {
    static CURRENT: Cell<Protocol> = const { Cell::new(Protocol::Http1) };
}

impl Protocol {
    /// The one that this test's requests travel by.
    pub(crate) fn current() -> Self {
        CURRENT.get()
    }

    /// Runs a test whose requests travel by this protocol.
    pub(crate) fn run(self, test: impl FnOnce()) {
        CURRENT.set(self);
        test();
    }

    pub(crate) fn is_tls(self) -> bool {
        matches!(self, Self::Http1OverTls | Self::Http2OverTls)
    }

    pub(crate) fn is_http2(self) -> bool {
        matches!(self, Self::Http2OverTls | Self::Http2)
    }

    /// What the rest of `[server]` needs for it.
    pub(crate) fn server(self, rest: &str) -> String {
        let trust = if rest.contains("trusted_proxies") {
            ""
        } else {
            "trusted_proxies = [\"127.0.0.1/32\"]\n"
        };
        match self {
            Self::Http1 => rest.to_owned(),
            Self::Http2 => format!("{rest}\nh2c = true\n{trust}"),
            Self::Http1OverTls | Self::Http2OverTls => {
                format!("{rest}\n{}", Certificates::get().server_tls())
            }
        }
    }
}

/// Makes a test of each protocol of each of these functions.
macro_rules! over_each_protocol {
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            use $crate::support::protocol::Protocol;

            #[test]
            fn http1() {
                Protocol::Http1.run(super::$test);
            }

            #[test]
            fn http1_over_tls() {
                Protocol::Http1OverTls.run(super::$test);
            }

            #[test]
            fn http2_over_tls() {
                Protocol::Http2OverTls.run(super::$test);
            }

            #[test]
            fn http2_by_prior_knowledge() {
                Protocol::Http2.run(super::$test);
            }
        }
    )*};
}
pub(crate) use over_each_protocol;

/// A certificate for `localhost` and 127.0.0.1, and its key.
pub(crate) struct Certificates {
    _directory: tempfile::TempDir,
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    der: CertificateDer<'static>,
}

impl Certificates {
    pub(crate) fn get() -> &'static Self {
        static CERTIFICATES: OnceLock<Certificates> = OnceLock::new();
        CERTIFICATES.get_or_init(|| Self::new(&["localhost", "127.0.0.1"]))
    }

    pub(crate) fn new(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (cert, key) = (
            directory.path().join("tls.crt"),
            directory.path().join("tls.key"),
        );
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        Self {
            _directory: directory,
            cert,
            key,
            der: made.cert.der().clone(),
        }
    }

    /// `[server.tls]` with this certificate.
    pub(crate) fn server_tls(&self) -> String {
        let (cert, key) = (&self.cert, &self.key);
        format!(
            "[server.tls]\nlisten = [\"127.0.0.1:0\"]\n\
             certificates = [{{ cert = {cert:?}, key = {key:?} }}]\n"
        )
    }

    /// This certificate, to be trusted.
    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        roots
    }

    /// A client that trusts this certificate and offers these protocols.
    pub(crate) fn client(&self, alpn: &[&str]) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}

/// The name by which the proxy is called over TLS.
pub(crate) fn server_name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// A blocking TLS connection.
pub(crate) type TlsClient = Client<StreamOwned<ClientConnection, TcpStream>>;

/// Connects with TLS.
pub(crate) fn connect_tls(address: SocketAddr, config: ClientConfig) -> TlsClient {
    connect_tls_as(address, "localhost", config)
}

/// Connects with TLS, and calls the proxy by this name.
pub(crate) fn connect_tls_as(address: SocketAddr, name: &str, config: ClientConfig) -> TlsClient {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    Client::over(StreamOwned::new(connection, stream))
}

/// A connection of whichever protocol.
pub(crate) enum Connection {
    Plain(Client),
    Tls(Box<TlsClient>),
    Http2(Box<Http2Client>),
}

impl Connection {
    pub(crate) fn open(protocol: Protocol, address: SocketAddr) -> Self {
        match protocol {
            Protocol::Http1 => Self::Plain(Client::connect(address)),
            Protocol::Http1OverTls => {
                let config = Certificates::get().client(&["http/1.1"]);
                Self::Tls(Box::new(connect_tls(address, config)))
            }
            Protocol::Http2OverTls | Protocol::Http2 => {
                Self::Http2(Box::new(Http2Client::connect(address, protocol.is_tls())))
            }
        }
    }

    /// The answer; `None` if the connection takes no further request, as it said.
    pub(crate) fn try_exchange(&mut self, request: &Request) -> Option<Answer> {
        match self {
            Self::Http2(client) => client.try_exchange(request),
            _ => Some(self.exchange(request)),
        }
    }

    pub(crate) fn exchange(&mut self, request: &Request) -> Answer {
        fn over<S: Read + Write>(client: &mut Client<S>, request: &Request) -> Answer {
            client.send(&request.head_bytes());
            client.send_what_is_taken(&request.body_bytes());
            client.answer(&request.method)
        }
        match self {
            Self::Plain(client) => over(client, request),
            Self::Tls(client) => over(client, request),
            Self::Http2(client) => client.exchange(request),
        }
    }
}
