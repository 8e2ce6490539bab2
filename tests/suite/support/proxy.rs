//! The real binary, started with a configuration and watched through its log and metrics.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::client::{self, Answer, Request};
use super::eventually;
use super::protocol::{Connection, Protocol};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_hookward");

const READING: u8 = 0;
const STOPPED: u8 = 1;
const BROKEN: u8 = 2;

/// A configuration with ports of the system's choice.
fn config(listen: &str, server: &str, routes: &str) -> String {
    format!(
        "[server]\n{listen}{server}\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n[log]\nlevel = \"trace\"\n{routes}"
    )
}

/// Any free port.
const LISTEN: &str = "listen = [\"127.0.0.1:0\"]\n";

/// A running hookward.
pub(crate) struct Proxy {
    child: Mutex<Child>,
    pid: u32,
    /// Where it listens without TLS.
    pub(crate) address: SocketAddr,
    /// Where the test's protocol is spoken.
    pub(crate) sender_address: SocketAddr,
    pub(crate) admin: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    reading: Arc<AtomicU8>,
    directory: tempfile::TempDir,
}

impl Proxy {
    /// Starts with `routes` after a `[server]` of which `server` is the rest, on ports of the
    /// system's choice.
    pub(crate) fn start(server: &str, routes: &str) -> Self {
        Self::start_listening(LISTEN, server, routes)
    }

    /// The same, with a `listen` of the test's own.
    pub(crate) fn start_listening(listen: &str, server: &str, routes: &str) -> Self {
        Self::spawn_listening(Command::new(BINARY), listen, server, routes)
    }

    /// The same with a limit of open files.
    pub(crate) fn start_with_open_files(limit: u32, routes: &str) -> Self {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, BINARY]);
        Self::spawn_listening(command, LISTEN, "", routes)
    }

    /// The same, by a command of the test's own.
    pub(crate) fn spawn_listening(
        mut command: Command,
        listen: &str,
        server: &str,
        routes: &str,
    ) -> Self {
        let protocol = Protocol::current();
        let config = config(listen, &protocol.server(server), routes);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("hookward.toml");
        std::fs::write(&file, &config).unwrap();
        let mut child = command
            .args(["run", "--config"])
            .arg(&file)
            .env("HOOKWARD_TEST_SECRET", "a secret from the environment")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let reading = Arc::new(AtomicU8::new(READING));
        let state = Arc::clone(&reading);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
                match state.load(Ordering::SeqCst) {
                    STOPPED => std::thread::park(),
                    BROKEN => return,
                    _ => {}
                }
            }
        });
        let mut address_of = |listener: &str| {
            eventually("the listening addresses", || {
                if let Ok(Some(status)) = child.try_wait() {
                    panic!(
                        "hookward ended with {status}: {:?}\n{config}",
                        log.lock().unwrap()
                    );
                }
                let log = log.lock().unwrap();
                log.iter().find_map(|line| {
                    let line: Value = serde_json::from_str(line).ok()?;
                    let is_it = line["event"] == "listening" && line["listener"] == listener;
                    is_it.then(|| line["address"].as_str().unwrap().parse().unwrap())
                })
            })
        };
        let tls = protocol.is_tls().then(|| address_of("server.tls"));
        let address = address_of("server");
        Self {
            sender_address: tls.unwrap_or(address),
            address,
            admin: address_of("admin"),
            pid: child.id(),
            child: Mutex::new(child),
            log,
            reading,
            directory,
        }
    }

    /// Sends one request on a connection of its own.
    pub(crate) fn send(&self, request: &Request) -> Answer {
        self.connect().exchange(request)
    }

    /// The address of one of its listeners, as the log calls it.
    pub(crate) fn listening(&self, listener: &str) -> SocketAddr {
        let line = self.logged("listening", |line| line["listener"] == listener);
        line["address"].as_str().unwrap().parse().unwrap()
    }

    /// A connection of the test's protocol.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(Protocol::current(), self.sender_address)
    }

    /// A scrape.
    pub(crate) fn metrics(&self) -> String {
        let answer = client::exchange(self.admin, &Request::new("GET", "/metrics", ""));
        assert_eq!(answer.status, 200);
        String::from_utf8(answer.body).unwrap()
    }

    /// The value of a series, 0 if it is not there. Labels in alphabetical order.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        value_of(&self.metrics(), series)
    }

    /// Sends a request and returns the answer with the one verdict that it was counted as:
    /// route, scheme, verdict, reason.
    pub(crate) fn judge(&self, request: &Request) -> (Answer, [String; 4]) {
        let before = self.metrics();
        let answer = self.send(request);
        let after = self.metrics();
        let moved: Vec<[String; 4]> = after
            .lines()
            .filter(|line| line.starts_with("hookward_verdicts_total{"))
            .filter_map(|line| {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let change = value.parse::<f64>().unwrap() - value_of(&before, series);
                let label = |name: &str| {
                    let (_, rest) = series.split_once(&format!("{name}=\"")).unwrap();
                    rest.split_once('"').unwrap().0.to_owned()
                };
                (change > 0.0).then(|| ["route", "scheme", "verdict", "reason"].map(label))
            })
            .collect();
        assert_eq!(moved.len(), 1, "{moved:?}");
        (answer, moved.into_iter().next().unwrap())
    }

    /// Everything logged so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Everything logged, once the process has ended.
    pub(crate) fn whole_log(&self) -> Vec<String> {
        eventually("the end of the log", || {
            (Arc::strong_count(&self.log) == 1).then(|| self.log())
        })
    }

    /// The first log line with this event that `is_it` accepts, once it is there.
    pub(crate) fn logged(&self, event: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("the log line {event}"), || {
            let log = self.log.lock().unwrap();
            log.iter().find_map(|line| {
                let line: Value = serde_json::from_str(line).expect("every line is JSON");
                (line["event"] == event && is_it(&line)).then_some(line)
            })
        })
    }

    /// Replaces the configuration file, as an editor does: the new file takes the old one's name.
    pub(crate) fn write_config(&self, server: &str, routes: &str) {
        let file = self.directory.path().join("hookward.toml");
        let new = self.directory.path().join("hookward.toml.new");
        std::fs::write(&new, config(LISTEN, server, routes)).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    pub(crate) fn config_file(&self) -> String {
        let file = self.directory.path().join("hookward.toml");
        file.to_str().unwrap().to_owned()
    }

    /// Replaces the configuration file by a link to another file.
    pub(crate) fn link_config(&self, target: &Path) {
        let file = self.directory.path().join("hookward.toml");
        let new = self.directory.path().join("hookward.toml.new");
        std::os::unix::fs::symlink(target, &new).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    /// How many threads the process has.
    pub(crate) fn threads(&self) -> usize {
        let tasks = format!("/proc/{}/task", self.pid());
        std::fs::read_dir(tasks).unwrap().count()
    }

    /// Has the configuration reloaded; returns once it was applied (`true`) or refused.
    pub(crate) fn reload(&self) -> bool {
        let applied = "hookward_config_reloads_total{result=\"applied\"}";
        let refused = "hookward_config_reloads_total{result=\"refused\"}";
        let before = self.metrics();
        self.signal("-HUP");
        eventually("the reload", || {
            let after = self.metrics();
            let moved = |series| value_of(&after, series) > value_of(&before, series);
            match (moved(applied), moved(refused)) {
                (false, false) => None,
                (is_applied, _) => Some(is_applied),
            }
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// From the next line on, nobody reads the log.
    pub(crate) fn stop_reading_log(&self) {
        self.reading.store(STOPPED, Ordering::SeqCst);
    }

    /// After the next line, the log cannot be written any more.
    pub(crate) fn break_log(&self) {
        self.reading.store(BROKEN, Ordering::SeqCst);
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.pid.to_string();
        let status = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Stops the process until it is sent `-CONT`: what happens meanwhile it finds all at once.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
        let tasks = format!("/proc/{}/task", self.pid());
        eventually("all threads to stop", || {
            let mut tasks = std::fs::read_dir(&tasks).unwrap();
            let are_stopped = tasks.all(|task| {
                let status = std::fs::read_to_string(task.unwrap().path().join("status"));
                status.unwrap().contains("State:\tT")
            });
            are_stopped.then_some(())
        });
    }

    /// Waits for the end of the process.
    pub(crate) fn wait(&self) -> ExitStatus {
        eventually("the process to end", || {
            self.child.lock().unwrap().try_wait().unwrap()
        })
    }

    pub(crate) fn is_running(&self) -> bool {
        self.child.lock().unwrap().try_wait().unwrap().is_none()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn value_of(metrics: &str, series: &str) -> f64 {
    metrics
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .find(|(found, _)| *found == series)
        .map_or(0.0, |(_, value)| value.parse().unwrap())
}

/// Runs a command of the binary to its end: exit code, standard output, standard error.
pub(crate) fn command(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(BINARY).args(arguments).output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// A file in a directory that is deleted with the guard.
pub(crate) fn file(name: &str, content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(name);
    std::fs::write(&file, content).unwrap();
    (directory, file)
}

/// A path of this project.
pub(crate) fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
