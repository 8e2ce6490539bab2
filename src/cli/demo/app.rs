//! The receiving app of the demo: answers 200 to everything and remembers what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::handoff;
use crate::http1::head::{self, Framing};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

/// A request as the app received it.
pub(super) struct Seen {
    pub(super) body: Vec<u8>,
    /// `X-Hookward-Verified`.
    pub(super) verified: Option<String>,
}

/// The app, serving in the background.
pub(super) struct App {
    address: SocketAddr,
    last: Arc<Mutex<Option<Seen>>>,
}

impl App {
    pub(super) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let last = Arc::new(Mutex::new(None));
        let remembered = Arc::clone(&last);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&remembered)));
            }
        });
        Ok(Self { address, last })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The request that arrived since the last call, if one did.
    pub(super) fn take(&self) -> Option<Seen> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

async fn serve(mut stream: TcpStream, last: Arc<Mutex<Option<Seen>>>) {
    let mut buffer = Vec::new();
    while let Some(seen) = read_request(&mut stream, &mut buffer).await {
        *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        if stream.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    loop {
        if let Some(end) = head::find_end(buffer, 0).ok()? {
            let header = buffer.get(..end)?;
            let length = match head::read(header).ok()?.framing {
                Framing::None => 0,
                Framing::Length(length) => usize::try_from(length).ok()?,
                Framing::Chunked => return None,
            };
            let request_end = end.checked_add(length)?;
            if buffer.len() >= request_end {
                let seen = Seen {
                    body: buffer.get(end..request_end)?.to_vec(),
                    verified: field(header, handoff::VERIFIED),
                };
                buffer.drain(..request_end);
                return Some(seen);
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// The value of a header in a raw head.
fn field(header: &[u8], name: &str) -> Option<String> {
    let wanted: HeaderName = name.parse().ok()?;
    let text = std::str::from_utf8(header).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let found = name.parse::<HeaderName>().ok()?;
        (found == wanted).then(|| value.trim().to_owned())
    })
}
