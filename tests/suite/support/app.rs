//! A receiving app: records every byte it gets and answers as told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use super::PATIENCE;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-App: yes\r\n\r\nok";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The values of a header, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The value of a header that occurs at most once.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name} occurs {} times", all.len());
        all.first().copied()
    }
}

/// What the app does with a connection, given the requests on it.
type Behaviour = dyn Fn(&mut TcpStream, &Seen) -> bool + Send + Sync;

/// An app on a loopback port of the system's choice.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    seen: Mutex<Receiver<Seen>>,
    connections: Arc<Mutex<usize>>,
}

impl App {
    /// As a route names it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers 200 with the body `ok`.
    pub(crate) fn start() -> Self {
        Self::answering(OK)
    }

    /// The same at an address that was free a moment ago.
    pub(crate) fn start_at(address: SocketAddr) -> Self {
        Self::listening(TcpListener::bind(address).unwrap(), |stream, _| {
            stream.write_all(OK).is_ok()
        })
    }

    /// Answers every request with these bytes.
    pub(crate) fn answering(answer: &'static [u8]) -> Self {
        Self::behaving(move |stream, _| stream.write_all(answer).is_ok())
    }

    /// Calls `behaviour` for every request; it returns whether the connection goes on.
    pub(crate) fn behaving(
        behaviour: impl Fn(&mut TcpStream, &Seen) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::listening(TcpListener::bind("127.0.0.1:0").unwrap(), behaviour)
    }

    fn listening(
        listener: TcpListener,
        behaviour: impl Fn(&mut TcpStream, &Seen) -> bool + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let (sender, seen) = mpsc::channel();
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        let connections = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&connections);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                *counted.lock().unwrap() += 1;
                let sender = sender.clone();
                let behaviour = Arc::clone(&behaviour);
                std::thread::spawn(move || serve(stream, &sender, &*behaviour));
            }
        });
        Self {
            address,
            seen: Mutex::new(seen),
            connections,
        }
    }

    /// The next request, which must arrive.
    pub(crate) fn next(&self) -> Seen {
        self.seen
            .lock()
            .unwrap()
            .recv_timeout(PATIENCE)
            .expect("the app got no request")
    }

    /// Fails if a request arrived that was not taken with [`Self::next`].
    pub(crate) fn assert_nothing_more(&self) {
        if let Ok(seen) = self.seen.lock().unwrap().try_recv() {
            panic!("the app got a request it should not have got: {seen:?}");
        }
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

fn serve(mut stream: TcpStream, sender: &Sender<Seen>, behaviour: &Behaviour) {
    let mut buffer = Vec::new();
    while let Some(seen) = read_request(&mut stream, &mut buffer) {
        if sender.send(seen.clone()).is_err() || !behaviour(&mut stream, &seen) {
            return;
        }
    }
}

/// Reads one request, whose body must have a `Content-Length`, as hookward promises.
fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let end = loop {
        if let Some(position) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break position;
        }
        read_some(stream, buffer)?;
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let request_line: Vec<&str> = lines.next()?.split(' ').collect();
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").expect("a header line");
            (name.to_owned(), value.to_owned())
        })
        .collect();
    let is = |(name, _): &&(String, String), wanted: &str| name.eq_ignore_ascii_case(wanted);
    assert!(
        !headers
            .iter()
            .any(|header| is(&header, "transfer-encoding")),
        "the app got a Transfer-Encoding"
    );
    let length = headers
        .iter()
        .find(|header| is(header, "content-length"))
        .map_or(0, |(_, value)| value.parse().unwrap());
    buffer.drain(..end + 4);
    while buffer.len() < length {
        read_some(stream, buffer)?;
    }
    Some(Seen {
        method: request_line[0].to_owned(),
        target: request_line[1].to_owned(),
        headers,
        body: buffer.drain(..length).collect(),
    })
}

fn read_some(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 65536];
    let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
    buffer.extend_from_slice(&chunk[..read]);
    Some(())
}
