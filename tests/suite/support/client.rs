//! A raw client: sends bytes as they are and reads answers strictly.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;

/// A request to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) framing: Framing,
}

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `Content-Length`, or nothing for a GET without a body.
    Length,
    /// Chunks of this size.
    Chunked(usize),
}

impl Request {
    pub(crate) fn new(method: &str, target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: body.into(),
            framing: Framing::Length,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn headers(self, headers: &[(&str, String)]) -> Self {
        headers
            .iter()
            .fold(self, |request, (name, value)| request.header(name, value))
    }

    /// Replaces every value of a header.
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self.header(name, value)
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn framed(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// The header alone, with its empty line.
    pub(crate) fn head_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        let has_host = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"));
        if !has_host {
            bytes.extend_from_slice(b"Host: proxy.internal\r\n");
        }
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        match self.framing {
            Framing::Chunked(_) => bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            Framing::Length if self.method == "GET" && self.body.is_empty() => {}
            Framing::Length => {
                bytes.extend_from_slice(
                    format!("Content-Length: {}\r\n", self.body.len()).as_bytes(),
                );
            }
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    /// The body as it goes over the wire.
    pub(crate) fn body_bytes(&self) -> Vec<u8> {
        match self.framing {
            Framing::Length => self.body.clone(),
            Framing::Chunked(size) => {
                let mut bytes = Vec::new();
                for chunk in self.body.chunks(size) {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
                bytes
            }
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head_bytes(), self.body_bytes()].concat()
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The header, byte for byte.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.split("\r\n").find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// A connection to the proxy.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("nobody listens")
    }

    /// `None` if nobody listens.
    pub(crate) fn try_connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Some(Self::over(stream))
    }
}

impl<S: Read + Write> Client<S> {
    /// A client on a connection that is there.
    pub(crate) fn over(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.stream.flush().unwrap();
    }

    /// Sends what the other side will take before it closes.
    pub(crate) fn send_what_is_taken(&mut self, bytes: &[u8]) {
        // The other side may refuse and close while this is being written.
        let _ = self.stream.write_all(bytes);
    }

    /// The next answer; informational ones are passed over and must be 100.
    pub(crate) fn answer(&mut self, method: &str) -> Answer {
        loop {
            let answer = self
                .try_answer(method)
                .expect("the connection closed without an answer");
            if answer.status != 100 {
                return answer;
            }
        }
    }

    /// The next answer, informational or not; `None` if the connection closes before one.
    pub(crate) fn try_answer(&mut self, method: &str) -> Option<Answer> {
        let end = loop {
            let found = self
                .buffer
                .windows(4)
                .position(|window| window == b"\r\n\r\n");
            if let Some(position) = found {
                break position;
            }
            if !self.read_some() {
                assert!(self.buffer.is_empty(), "half an answer: {:?}", self.buffer);
                return None;
            }
        };
        let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer {
            status,
            head,
            body: Vec::new(),
        };
        let bodiless = method == "HEAD" || status < 200 || status == 204 || status == 304;
        if bodiless {
        } else if answer.header("transfer-encoding").is_some() {
            answer.body = self.chunks();
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().unwrap();
            answer.body = self.take(length);
        } else {
            while self.read_some() {}
            answer.body = std::mem::take(&mut self.buffer);
        }
        Some(answer)
    }

    /// Whether the other side closes the connection without a further byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && !self.read_some()
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                let found = self.buffer.windows(2).position(|window| window == b"\r\n");
                if let Some(position) = found {
                    break self.take(position);
                }
                assert!(self.read_some(), "chunks without an end");
            };
            self.take(2);
            let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap(), 16).unwrap();
            body.extend(self.take(size));
            assert_eq!(self.take(2), b"\r\n");
            if size == 0 {
                return body;
            }
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert!(self.read_some(), "a body cut off");
        }
        self.buffer.drain(..length).collect()
    }

    fn read_some(&mut self) -> bool {
        let mut chunk = [0; 65536];
        match self.stream.read(&mut chunk) {
            Ok(0) => false,
            Ok(read) => {
                self.buffer.extend_from_slice(&chunk[..read]);
                true
            }
            Err(error) if is_end(error.kind()) => false,
            Err(error) => panic!("reading an answer: {error}"),
        }
    }
}

/// Whether reading ends with this, and not by a mistake of the test. TLS tells of an alert as invalid data.
fn is_end(error: ErrorKind) -> bool {
    matches!(
        error,
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::InvalidData
    )
}

/// Sends one request on a connection of its own.
pub(crate) fn exchange(address: SocketAddr, request: &Request) -> Answer {
    let mut client = Client::connect(address);
    client.send(&request.head_bytes());
    client.send_what_is_taken(&request.body_bytes());
    client.answer(&request.method)
}
