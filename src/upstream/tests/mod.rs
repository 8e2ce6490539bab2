//! Connecting, keeping and resolving, on real sockets of loopback addresses.

mod pool;
mod race;
mod resolve;
mod tls;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use socket2::{Domain, Socket, Type};
use tokio::time::Instant;

use super::destination::{Address, Destination};
use super::look_up::LookUp;
use crate::config::UpstreamProtocol;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn soon() -> Instant {
    Instant::now().checked_add(LONG).unwrap()
}

fn plain(address: SocketAddr) -> Destination {
    Destination::new(Address::Tcp(address), None, UpstreamProtocol::Http1)
}

/// A socket that is bound, and refuses connections until it is told to listen.
fn bound(ip: &str) -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let address: SocketAddr = format!("{ip}:0").parse().unwrap();
    socket.bind(&address.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// An address that answers nothing: its queue of connections is full.
struct BlackHole {
    address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<Socket>,
}

impl BlackHole {
    fn new(ip: &str) -> Self {
        let (listener, address) = bound(ip);
        listener.listen(0).unwrap();
        let waiting = (0..4).map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address.into());
            socket
        });
        Self {
            address,
            _waiting: waiting.collect(),
            _listener: listener,
        }
    }
}

/// How a look-up goes.
#[derive(Clone, Debug)]
enum Step {
    Finds(Vec<SocketAddr>),
    Fails,
    Hangs,
    Panics,
}

/// Look-ups that go as told; the last step is for all that follow.
struct Script {
    steps: Mutex<Vec<Step>>,
    begun: AtomicUsize,
}

impl Script {
    fn new(steps: impl Into<Vec<Step>>) -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self {
            steps: Mutex::new(steps.into()),
            begun: AtomicUsize::new(0),
        })
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl LookUp for Script {
    async fn look_up(&self, _host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let step = {
            let mut steps = self.steps.lock().unwrap();
            if steps.len() > 1 {
                steps.remove(0)
            } else {
                steps[0].clone()
            }
        };
        match step {
            Step::Finds(addresses) => Ok(addresses),
            Step::Fails => Err(io::Error::other("Name or service not known")),
            Step::Hangs => std::future::pending().await,
            Step::Panics => panic!("a look-up that breaks"),
        }
    }
}

/// Both ends of a connection: ours, and the app's.
async fn pair() -> (pingora::protocols::Stream, TcpStream, Destination) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let destination = plain(listener.local_addr().unwrap());
    let (ours, apps) = connect(&destination, &listener).await;
    (ours, apps, destination)
}

async fn connect(
    destination: &Destination,
    listener: &std::net::TcpListener,
) -> (pingora::protocols::Stream, TcpStream) {
    let ours = super::attempt::attempt(destination).await.unwrap();
    (ours, listener.accept().unwrap().0)
}
