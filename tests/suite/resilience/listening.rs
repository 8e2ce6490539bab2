//! Unix sockets, sockets that a service manager hands over, and what it is told.

use std::io::Write;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use crate::support::PATIENCE;
use crate::support::app::App;
use crate::support::client::{Client, Request};
use crate::support::eventually;
use crate::support::proxy::{BINARY, Proxy};
use crate::support::sign::{self, Kind};

/// Starts on a Unix socket besides the usual address.
pub(super) fn start_on(path: &Path, listen: &str, server: &str, app: &App) -> Proxy {
    let listen = format!("listen = [\"127.0.0.1:0\", {listen}]\n");
    let listen = listen.replace("PATH", path.to_str().unwrap());
    Proxy::start_listening(&listen, server, &sign::routes(app.url(), ""))
}

/// A shell that starts hookward with its standard input as the first socket handed over, of so many.
pub(super) fn given(socket: impl Into<OwnedFd>, count: u32) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("LISTEN_PID=$$ LISTEN_FDS={count} exec \"$0\" \"$@\" 3<&0 </dev/null");
    shell.args(["-c", &script, BINARY]);
    shell.stdin(socket.into());
    shell
}

fn connect(path: &Path) -> Client<UnixStream> {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Client::over(stream)
}

pub(super) fn exchange(path: &Path, request: &Request) -> u16 {
    let mut client = connect(path);
    client.send(&request.bytes());
    client.answer(&request.method).status
}

#[test]
fn a_unix_socket_serves_and_is_believed_only_where_the_configuration_says_so() {
    let app = App::start();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.sock");
    let forged = Kind::Twenty
        .request(b"{}")
        .header("X-Forwarded-For", "203.0.113.7");
    for (server, seen_for) in [
        ("", "unix:"),
        ("trusted_proxies = [\"unix\"]\n", "203.0.113.7, unix:"),
    ] {
        let proxy = start_on(&path, "\"unix:PATH\"", server, &app);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        assert_eq!(exchange(&path, &forged), 200);
        assert_eq!(app.next().one("x-forwarded-for"), Some(seen_for));
        let refused = Kind::Twenty
            .request(b"{}")
            .without("X-Twenty-Webhook-Signature");
        assert_eq!(exchange(&path, &refused), 401);
        proxy.logged("refused", |line| line["client"] == "unix:");
        proxy.signal("-TERM");
        assert!(proxy.wait().success());
        assert!(!path.exists(), "its file goes with it");
    }
}

#[test]
fn a_file_that_nobody_listens_on_is_replaced_and_no_other() {
    let app = App::start();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.sock");
    drop(UnixListener::bind(&path).unwrap());
    let table = "{ path = \"PATH\", mode = \"0600\" }";
    let proxy = start_on(&path, table, "", &app);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(exchange(&path, &Kind::Twenty.request(b"{}")), 200);
    let start_second = || {
        let config = proxy.config_file();
        let output = Command::new(BINARY)
            .args(["run", "--config", &config])
            .output();
        let output = output.unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let errors = start_second();
    assert!(
        errors.contains("cannot listen on unix:") && errors.contains("in use"),
        "{errors}"
    );
    assert_eq!(
        exchange(&path, &Kind::Twenty.request(b"{}")),
        200,
        "it serves on"
    );
    proxy.signal("-KILL");
    proxy.wait();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "somebody's file").unwrap();
    let errors = start_second();
    assert!(
        errors.contains("a file is there that is no socket"),
        "{errors}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"somebody's file");
}

#[test]
fn a_socket_that_is_handed_over_is_used() {
    let app = App::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Somebody who connects before hookward is there is served once it is.
    let mut early = Client::connect(address);
    early.send(&Kind::Twenty.request(b"{}").bytes());
    let start = || {
        let shell = given(listener.try_clone().unwrap(), 1);
        let listen = format!("listen = [\"{address}\"]\n");
        Proxy::spawn_listening(shell, &listen, "", &sign::routes(app.url(), ""))
    };
    let proxy = start();
    assert_eq!(proxy.address, address);
    assert_eq!(early.answer("POST").status, 200);
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    // The manager keeps the socket: whoever connects between two processes is served by the next.
    proxy.signal("-TERM");
    assert!(proxy.wait().success());
    let mut between = Client::connect(address);
    between.send(&Kind::Twenty.request(b"{}").bytes());
    let next = start();
    assert_eq!(between.answer("POST").status, 200);
    assert_eq!(next.send(&Kind::Twenty.request(b"{}")).status, 200);
}

#[test]
fn a_service_manager_is_told_what_the_process_does() {
    let app = App::start();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let next = || {
        let mut message = [0; 1_000];
        let count = manager.recv(&mut message).unwrap();
        String::from_utf8(message[..count].to_vec()).unwrap()
    };
    let mut command = Command::new(BINARY);
    command.env("NOTIFY_SOCKET", &path);
    let routes = sign::routes(app.url(), "");
    let listen = "listen = [\"127.0.0.1:0\"]\n";
    let proxy = Proxy::spawn_listening(command, listen, "", &routes);
    assert_eq!(next(), "READY=1\n");
    assert!(proxy.reload());
    assert!(next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(next(), "READY=1\n");
    proxy.write_config("", "[[route]]");
    assert!(!proxy.reload());
    assert!(next().starts_with("RELOADING=1\n"));
    assert_eq!(next(), "READY=1\n", "it serves on");
    proxy.write_config("", &routes);
    proxy.signal("-QUIT");
    let main = next();
    let pid = main.strip_prefix("MAINPID=").unwrap().trim().to_owned();
    assert_eq!(next(), "READY=1\n");
    assert!(proxy.wait().success());
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    let stopped = Command::new("kill").arg(&pid).status();
    assert!(stopped.unwrap().success());
    assert_eq!(next(), "STOPPING=1\n");
    eventually("the successor to end", || {
        (!Path::new(&format!("/proc/{pid}")).exists()).then_some(())
    });
}

#[test]
fn load_balancers_are_answered_without_a_verdict() {
    let app = App::start();
    let proxy = Proxy::start("health_path = \"/_health\"\n", &sign::routes(app.url(), ""));
    let verdicts = || {
        let metrics = proxy.metrics();
        let lines = metrics
            .lines()
            .filter(|line| line.starts_with("hookward_verdicts_total"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = verdicts();
    for (method, target) in [
        ("GET", "/_health"),
        ("HEAD", "/_health"),
        ("GET", "/_health?x"),
    ] {
        assert_eq!(proxy.send(&Request::new(method, target, "")).status, 200);
    }
    assert_eq!(verdicts(), before);
    for (method, target) in [
        ("POST", "/_health"),
        ("GET", "/_health/"),
        ("GET", "/_healthy"),
    ] {
        assert_eq!(proxy.send(&Request::new(method, target, "")).status, 404);
    }
    // While it stops, a connection that is there may still ask.
    let mut kept = Client::connect(proxy.address);
    kept.send(&Request::new("GET", "/_health", "").bytes());
    assert_eq!(kept.answer("GET").status, 200);
    proxy.signal("-TERM");
    proxy.logged("stopping", |_| true);
    let _ = kept
        .stream
        .write_all(&Request::new("GET", "/_health", "").bytes());
    assert_eq!(kept.answer("GET").status, 503);
    assert!(proxy.wait().success());
}
