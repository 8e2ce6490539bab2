//! A server, and processes that share its stream.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::handoff::Stored;
use crate::spool::clock::Clock;
use crate::spool::event::{Event, EventId};
use crate::spool::nats::link::Link;
use crate::spool::nats::{NatsArchive, NatsStore, Settings};
use crate::spool::store::{End, Lease, Store, Totals};
use crate::verify::Timestamp;

pub(super) const STREAM: &str = "HOOKWARD";
/// Nothing here takes longer.
pub(super) const LIMIT: Duration = Duration::from_secs(20);
const READY: &str = "Server is ready";
const LISTENING: &str = "Listening for client connections on ";

/// A `nats-server` of a test's own.
pub(super) struct Server {
    directory: TempDir,
    child: Child,
    port: u16,
}

impl Server {
    /// One that listens on a port of its choice.
    pub(super) fn start() -> Self {
        Self::start_with("")
    }

    /// The same with further lines of configuration.
    pub(super) fn start_with(lines: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let store = directory.path().join("store");
        let config = format!("jetstream {{ store_dir: {store:?} }}\n{lines}\n");
        std::fs::write(directory.path().join("nats.conf"), config).unwrap();
        let (child, port) = run(directory.path(), -1);
        Self {
            directory,
            child,
            port,
        }
    }

    /// Ends it without a warning.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, on the same port and with what it has on the disk.
    pub(super) fn restart(&mut self) {
        (self.child, _) = run(self.directory.path(), i32::from(self.port));
    }

    pub(super) fn settings(&self) -> Settings {
        let url = format!("nats://127.0.0.1:{}", self.port);
        Settings::new(vec![url], STREAM, 1)
    }

    /// The library's own client.
    pub(super) async fn client(&self) -> async_nats::Client {
        let address = ("127.0.0.1", self.port);
        async_nats::connect(format!("nats://{}:{}", address.0, address.1))
            .await
            .unwrap()
    }

    pub(super) async fn archive(&self) -> NatsArchive {
        NatsArchive::connect(&self.settings(), Clock::of_system())
            .await
            .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(directory: &Path, port: i32) -> (Child, u16) {
    let mut child = Command::new("nats-server")
        .arg("-c")
        .arg(directory.join("nats.conf"))
        .args(["-a", "127.0.0.1", "-p", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nats-server, of Debian's package of that name");
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (ready, is_ready) = mpsc::channel();
    std::thread::spawn(move || {
        let mut port = 0;
        for line in lines.map_while(Result::ok) {
            if let Some((_, address)) = line.split_once(LISTENING) {
                port = address.rsplit_once(':').unwrap().1.trim().parse().unwrap();
            }
            if line.contains(READY) {
                let _ = ready.send(port);
            }
        }
    });
    let port = is_ready.recv_timeout(LIMIT).expect("a server that starts");
    (child, port)
}

/// One of the processes that share a stream.
pub(super) struct Replica {
    pub(super) store: NatsStore,
    keeper: JoinHandle<()>,
}

impl Replica {
    /// One that is connected.
    pub(super) async fn of(settings: Settings) -> Self {
        let replica = Self::unconnected(settings);
        replica.connected().await;
        replica
    }

    /// One that tries to connect.
    pub(super) fn unconnected(settings: Settings) -> Self {
        let (store, keeper) = NatsStore::new(settings, Clock::of_system());
        let keeper = tokio::spawn(keeper.run());
        Self { store, keeper }
    }

    pub(super) async fn connected(&self) -> Arc<Link> {
        let mut links = self.store.shared.links.subscribe();
        let is_up = |link: &Option<Arc<Link>>| link.as_ref().is_some_and(|link| link.is_up());
        let found = within(links.wait_for(is_up)).await;
        found.unwrap().clone().unwrap()
    }

    pub(super) async fn put(&self, event: Event) -> EventId {
        let id = event.id;
        within(self.store.put(event)).await.unwrap();
        id
    }

    /// The next event of the route `a`.
    pub(super) async fn next(&self) -> Box<dyn Lease> {
        self.next_of("a", false).await
    }

    pub(super) async fn next_of(&self, route: &str, in_order: bool) -> Box<dyn Lease> {
        let route = Arc::from(route);
        within(self.store.next(&route, in_order)).await.unwrap()
    }

    pub(super) async fn totals(&self) -> Totals {
        within(self.store.totals()).await.unwrap()
    }

    /// How many events the route `a` has, waiting and dead.
    pub(super) async fn counts(&self) -> (u64, u64) {
        let totals = self.totals().await;
        let route = totals.routes.iter().find(|route| &*route.route == "a");
        route.map_or((0, 0), |route| (route.waiting, route.dead))
    }

    /// Ends as a process does that is killed.
    pub(super) async fn die(self) {
        self.keeper.abort();
        let _ = self.keeper.await;
        std::mem::forget(self.store);
    }

    /// Ends as a process does that is stopped.
    pub(super) async fn stop(self) {
        drop(self.store);
        within(self.keeper).await.unwrap();
    }
}

/// What a future returns, which is soon.
pub(super) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future)
        .await
        .expect("an end within the limit")
}

/// Waits until it is so.
pub(super) async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    within(async {
        while !is_so().await {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

pub(super) fn event(route: &str, body: &[u8]) -> Event {
    let head = Bytes::from_static(b"POST /hook HTTP/1.1\r\nHost: app\r\n\r\n");
    let now = Clock::of_system().now();
    Event {
        id: EventId::fresh(),
        route: route.into(),
        received_at: now,
        due_at: now,
        request: Stored::read_back(head, Bytes::copy_from_slice(body)),
    }
}

pub(super) async fn end(lease: Box<dyn Lease>, end: End) {
    within(lease.end(end)).await.unwrap();
}

/// The attempt failed, and the next one is due then.
pub(super) fn again(at: Timestamp) -> End {
    End::Again {
        at,
        error: "connection refused".to_owned(),
        is_its_own: false,
    }
}

pub(super) fn in_an_hour() -> Timestamp {
    Clock::of_system().now().after(Duration::from_secs(3_600))
}

pub(super) fn now() -> Timestamp {
    Clock::of_system().now()
}
