//! Sockets that hookward did not make, and files that are not its own: it serves on the ones as they are, and
//! leaves the others alone.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::listening::{exchange, given, start_on};
use crate::support::app::App;
use crate::support::eventually;
use crate::support::proxy::{BINARY, Proxy};
use crate::support::sign::{self, Kind};

/// A configuration in `directory` that listens on `address`.
fn config_on(address: &str, directory: &Path) -> PathBuf {
    let file = directory.join("hookward.toml");
    let routes = sign::routes("http://127.0.0.1:1", "");
    let listen = format!("[server]\nlisten = [\"{address}\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n");
    std::fs::write(&file, listen + &routes).unwrap();
    file
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_unix_socket_that_is_handed_over_keeps_its_mode_and_needs_no_file() {
    let app = App::start();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.sock");
    let listener = UnixListener::bind(&path).unwrap();
    set_mode(&path, 0o600);
    let start = || {
        let listen = format!("listen = [\"127.0.0.1:0\", \"unix:{}\"]\n", path.display());
        let shell = given(listener.try_clone().unwrap(), 1);
        Proxy::spawn_listening(shell, &listen, "", &sign::routes(app.url(), ""))
    };
    let proxy = start();
    assert_eq!(exchange(&path, &Kind::Twenty.request(b"{}")), 200);
    assert_eq!(mode(&path), 0o600);
    proxy.signal("-TERM");
    assert!(proxy.wait().success());
    assert!(path.exists(), "it is the service manager's");
    // Whatever is at the path now is somebody else's.
    std::fs::remove_file(&path).unwrap();
    let elsewhere = directory.path().join("elsewhere");
    std::fs::write(&elsewhere, "").unwrap();
    set_mode(&elsewhere, 0o600);
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    let proxy = start();
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    assert_eq!(mode(&elsewhere), 0o600);
    proxy.signal("-TERM");
    assert!(proxy.wait().success());
    std::fs::remove_file(&path).unwrap();
    let proxy = start();
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
}

#[test]
fn a_successor_serves_where_the_file_of_a_unix_socket_is_gone() {
    let app = App::start();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.sock");
    let proxy = start_on(&path, "\"unix:PATH\"", "", &app);
    std::fs::remove_file(&path).unwrap();
    proxy.signal("-QUIT");
    let upgraded = proxy.logged("upgraded", |_| true);
    assert!(proxy.wait().success());
    assert_eq!(proxy.send(&Kind::Twenty.request(b"{}")).status, 200);
    let pid = upgraded["pid"].to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    eventually("the successor to end", || {
        (!Path::new(&format!("/proc/{pid}")).exists()).then_some(())
    });
}

#[test]
fn a_file_that_took_the_place_of_our_own_stays() {
    let app = App::start();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.sock");
    let proxy = start_on(&path, "\"unix:PATH\"", "", &app);
    let theirs = directory.path().join("theirs");
    let _listener = UnixListener::bind(&theirs).unwrap();
    std::fs::rename(&theirs, &path).unwrap();
    proxy.signal("-TERM");
    assert!(proxy.wait().success());
    assert!(UnixStream::connect(&path).is_ok());
}

#[test]
fn a_start_never_waits_for_whoever_listens_already() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in.sock");
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&socket2::SockAddr::unix(&path).unwrap())
        .unwrap();
    socket.listen(0).unwrap();
    // The queue of a listener that accepts nobody is full.
    let _waiting = UnixStream::connect(&path).unwrap();
    let config = config_on(&format!("unix:{}", path.display()), directory.path());
    // One that waits is ended, and says so with another status.
    let output = Command::new("timeout")
        .args(["-s", "KILL", "60", BINARY, "run", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("in use"), "{errors}");
}

#[test]
fn a_socket_that_cannot_listen_is_a_start_up_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let address = connected.local_addr().unwrap().to_string();
    let config = config_on(&address, directory.path());
    for count in [1, 50] {
        let mut shell = given(connected.try_clone().unwrap(), count);
        let output = shell
            .args(["run", "--config"])
            .arg(&config)
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("cannot listen on 127.0.0.1:"), "{errors}");
    }
}
