//! Receiving apps that speak HTTP/2: one on the `h2` crate's server, whose requests can be looked at, and
//! one that reads and writes frames as they are.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::{Builder, SendResponse};
use http::Response;
use http::request::Parts;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use super::PATIENCE;

/// A request to the app, and the way to answer it.
pub(crate) struct Stream {
    pub(crate) head: Parts,
    pub(crate) body: RecvStream,
    pub(crate) respond: SendResponse<Bytes>,
    /// Asks the connection to take no more requests.
    pub(crate) leave: Arc<Notify>,
}

impl Stream {
    pub(crate) async fn read(&mut self) -> Vec<u8> {
        let mut whole = Vec::new();
        while let Some(piece) = self.body.data().await {
            let piece = piece.expect("the body is cut");
            self.body
                .flow_control()
                .release_capacity(piece.len())
                .unwrap();
            whole.extend_from_slice(&piece);
        }
        whole
    }

    pub(crate) async fn answer(&mut self, status: u16, body: impl Into<Bytes>) {
        let body: Bytes = body.into();
        let head = Response::builder()
            .status(status)
            .header("content-length", body.len())
            .header("X-App", "yes");
        let mut sending = self
            .respond
            .send_response(head.body(()).unwrap(), body.is_empty())
            .unwrap();
        if !body.is_empty() {
            // Nothing waits for the other side's window here: the library holds what does not fit.
            sending.send_data(body, true).unwrap();
        }
    }
}

/// An app on the `h2` crate's server.
pub(crate) struct Http2App {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl Http2App {
    /// Calls `behave` for every request, on a task of its own.
    pub(crate) fn behaving<F>(behave: impl Fn(Stream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::with(
            &Builder::new(),
            TcpListener::bind("127.0.0.1:0").unwrap(),
            behave,
        )
    }

    /// The same with settings, on a listener.
    pub(crate) fn with<F>(
        builder: &Builder,
        listener: TcpListener,
        behave: impl Fn(Stream) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = Runtime::new().unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let (connections, ended) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (counted, gone) = (Arc::clone(&connections), Arc::clone(&ended));
        let behave = Arc::new(behave);
        let builder = builder.clone();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (behave, builder, gone) =
                    (Arc::clone(&behave), builder.clone(), Arc::clone(&gone));
                tokio::spawn(async move {
                    serve(stream, &builder, &*behave).await;
                    gone.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            connections,
            ended,
            _runtime: runtime,
        }
    }

    /// As a route names it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many of them are over.
    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }
}

/// Serves one connection.
pub(crate) async fn serve<F>(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    builder: &Builder,
    behave: &(impl Fn(Stream) -> F + Send + Sync),
) where
    F: Future<Output = ()> + Send + 'static,
{
    let Ok(mut connection) = builder.handshake::<_, Bytes>(io).await else {
        return;
    };
    let leave = Arc::new(Notify::new());
    loop {
        tokio::select! {
            accepted = connection.accept() => {
                let Some(Ok((request, respond))) = accepted else { return };
                let (head, body) = request.into_parts();
                let leave = Arc::clone(&leave);
                tokio::spawn(behave(Stream { head, body, respond, leave }));
            }
            () = leave.notified() => connection.graceful_shutdown(),
        }
    }
}

pub(crate) const DATA: u8 = 0x0;
pub(crate) const HEADERS: u8 = 0x1;
pub(crate) const RST_STREAM: u8 = 0x3;
pub(crate) const SETTINGS: u8 = 0x4;
pub(crate) const GOAWAY: u8 = 0x7;
pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;
/// `:status: 200` of HPACK's static table (RFC 7541 appendix A).
pub(crate) const STATUS_200: &[u8] = &[0x88];

/// The app's side of a connection, frame by frame.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

impl Raw {
    /// The next connection, up to the settings of both sides.
    pub(crate) fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut raw = Self { stream };
        raw.stream.read_exact(&mut [0; 24]).unwrap();
        raw.write(SETTINGS, 0, 0, &[]);
        raw
    }

    pub(crate) fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        // The other side may have gone.
        let _ = self.stream.write_all(&frame);
    }

    /// The stream of the next frame of this kind; `None` if the connection ends before one.
    pub(crate) fn next(&mut self, kind: u8) -> Option<u32> {
        loop {
            let mut header = [0; 9];
            self.stream.read_exact(&mut header).ok()?;
            let [a, b, c, found, flags, stream @ ..] = header;
            let length = u32::from_be_bytes([0, a, b, c]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut payload).ok()?;
            if found == SETTINGS && flags == 0 {
                self.write(SETTINGS, 0x1, 0, &[]);
            }
            if found == kind {
                return Some(u32::from_be_bytes(stream));
            }
        }
    }

    /// The stream of the next request.
    pub(crate) fn request(&mut self) -> u32 {
        self.next(HEADERS).expect("no request came")
    }

    /// Answers 200.
    pub(crate) fn answer(&mut self, stream: u32) {
        self.write(HEADERS, END_HEADERS | END_STREAM, stream, STATUS_200);
    }

    /// Takes no stream above `last`.
    pub(crate) fn go_away(&mut self, last: u32) {
        let payload = [last.to_be_bytes(), [0; 4]].concat();
        self.write(GOAWAY, 0, 0, &payload);
    }
}
