//! A client of HTTP/2, on the library that the ecosystem has for it.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::PATIENCE;
use super::client::{Answer, Framing, Request};
use super::protocol::{Certificates, server_name};

/// Headers of one connection, which HTTP/2 has not.
const OF_A_CONNECTION: [&str; 6] = [
    "host",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// A connection of HTTP/2 to the proxy.
pub(crate) struct Http2Client {
    runtime: Runtime,
    requests: SendRequest<Bytes>,
    scheme: &'static str,
}

impl Http2Client {
    pub(crate) fn connect(address: SocketAddr, is_tls: bool) -> Self {
        let connecting = async {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            stream
        };
        Self::over(connecting, is_tls)
    }

    /// On a stream to the proxy.
    pub(crate) fn over<S>(connecting: impl Future<Output = S>, is_tls: bool) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let requests = runtime.block_on(async {
            let stream = connecting.await;
            if is_tls {
                let config = Arc::new(Certificates::get().client(&["h2"]));
                let connector = TlsConnector::from(config);
                handshake(connector.connect(server_name(), stream).await.unwrap()).await
            } else {
                handshake(stream).await
            }
        });
        Self {
            runtime,
            requests,
            scheme: if is_tls { "https" } else { "http" },
        }
    }

    /// The scheme of what it calls.
    pub(crate) const fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The way to send further requests at the same time.
    pub(crate) fn requests(&self) -> SendRequest<Bytes> {
        self.requests.clone()
    }

    /// Goes on while the test does something else.
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.runtime.spawn(future)
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime
            .block_on(async { timeout(PATIENCE, future).await })
            .expect("it takes too long")
    }

    pub(crate) fn exchange(&mut self, request: &Request) -> Answer {
        self.try_exchange(request)
            .expect("the connection takes no further request")
    }

    /// `None` if the connection was told to take no further stream: then this one was not begun.
    pub(crate) fn try_exchange(&mut self, request: &Request) -> Option<Answer> {
        let sent = exchange(self.requests(), request.clone(), self.scheme);
        match self.block_on(sent) {
            Ok(answer) => Some(answer),
            Err(error) if error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR) => {
                None
            }
            Err(error) => panic!("the stream ended without an answer: {error}"),
        }
    }
}

async fn handshake<S>(stream: S) -> SendRequest<Bytes>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    requests
}

/// Whether HTTP/2, or the library that this client is made of, has a form for a request.
pub(crate) fn can_carry(request: &Request) -> bool {
    let is_plain = |(name, _): &(String, Vec<u8>)| {
        let name = name.to_ascii_lowercase();
        name == "host" || !OF_A_CONNECTION.contains(&&*name)
    };
    let uri = format!("http://h{}", request.target).parse::<http::Uri>();
    request.target.starts_with('/')
        && !request.target.contains('#')
        && uri.is_ok()
        && request.headers.iter().all(is_plain)
}

/// The head of a request as HTTP/2 has it.
pub(crate) fn head(request: &Request, scheme: &str) -> http::Request<()> {
    let value_of = |name: &str| {
        let mut headers = request.headers.iter();
        let found = headers.find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
    };
    let authority = value_of("host").unwrap_or("proxy.internal".to_owned());
    let uri = format!("{scheme}://{authority}{}", request.target);
    let mut head = http::Request::builder().method(&*request.method).uri(uri);
    for (name, value) in &request.headers {
        if !OF_A_CONNECTION.contains(&&*name.to_ascii_lowercase()) {
            head = head.header(name, &value[..]);
        }
    }
    if request.framing == Framing::Length && !(request.body.is_empty() && request.method == "GET") {
        head = head.header("content-length", request.body.len());
    }
    head.body(()).unwrap()
}

/// Sends a request and reads the answer; an error where the stream or the connection ends without one.
pub(crate) async fn exchange(
    requests: SendRequest<Bytes>,
    request: Request,
    scheme: &str,
) -> Result<Answer, h2::Error> {
    let mut requests = requests.ready().await?;
    let is_bodiless = request.body.is_empty();
    let (answer, mut body) = requests.send_request(head(&request, scheme), is_bodiless)?;
    let mut rest = Bytes::from(request.body);
    let sending = async {
        while !rest.is_empty() {
            body.reserve_capacity(rest.len());
            let Some(Ok(capacity)) =
                std::future::poll_fn(|context| body.poll_capacity(context)).await
            else {
                // The answer tells why no more is taken.
                return;
            };
            let piece = rest.split_to(capacity.min(rest.len()));
            if body.send_data(piece, rest.is_empty()).is_err() {
                return;
            }
        }
    };
    let reading = async {
        let (head, mut body) = answer.await?.into_parts();
        let mut text = format!("HTTP/2 {}\r\n", head.status.as_u16());
        for (name, value) in &head.headers {
            text += &format!("{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
        }
        let mut whole = Vec::new();
        while let Some(piece) = body.data().await {
            let piece = piece?;
            let _ = body.flow_control().release_capacity(piece.len());
            whole.extend_from_slice(&piece);
        }
        Ok(Answer {
            status: head.status.as_u16(),
            head: text,
            body: whole,
        })
    };
    let ((), answer) = tokio::join!(sending, reading);
    answer
}
