//! `hookward doctor` names what is in the way, and nothing else.

mod apps;
mod clock;
mod files;
mod ports;
mod public_urls;
mod recordings;
mod replay;
mod sending;
mod usage;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::support::app::App;
use crate::support::proxy::{BINARY, Proxy};
use crate::support::route::{route, secrets};
use crate::support::sign::SECRET;

/// Nobody is ever there.
const NOWHERE: &str = "http://127.0.0.1:1";

/// A configuration and what the doctor says of it.
struct Patient {
    directory: tempfile::TempDir,
}

/// What the doctor said.
struct Said {
    code: i32,
    checks: Vec<Value>,
}

impl Patient {
    /// `server` is the whole of `[server]`.
    fn new(server: &str, admin: &str, routes: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("hookward.toml");
        let text = format!("[server]\n{server}\n[admin]\nlisten = {admin:?}\n{routes}");
        std::fs::write(&file, text).unwrap();
        permit(&file, 0o600);
        Self { directory }
    }

    /// With addresses of the system's choice.
    fn anywhere(routes: &str) -> Self {
        Self::new("listen = [\"127.0.0.1:0\"]", "127.0.0.1:0", routes)
    }

    /// With the addresses of a running hookward.
    fn of(proxy: &Proxy, server: &str, routes: &str) -> Self {
        let server = format!("listen = [\"{}\"]\n{server}", proxy.address);
        Self::new(&server, &proxy.admin.to_string(), routes)
    }

    fn file(&self) -> String {
        let file = self.directory.path().join("hookward.toml");
        file.to_str().unwrap().to_owned()
    }

    fn ask(&self, arguments: &[&str]) -> Said {
        self.ask_by(Command::new(BINARY), arguments)
    }

    fn ask_by(&self, mut binary: Command, arguments: &[&str]) -> Said {
        let file = self.file();
        binary.args(["doctor", "--format", "json", "--config", &file]);
        let output = binary.args(arguments).output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(!out.contains(SECRET), "{out}");
        let said: Value = serde_json::from_str(&out).unwrap();
        let checks = said["checks"].as_array().unwrap().clone();
        let failed = checks.iter().filter(|check| check["result"] == "failed");
        assert_eq!(said["failed"], failed.count());
        assert_eq!(said.as_object().unwrap().len(), 2);
        let code = output.status.code().unwrap();
        Said { code, checks }
    }
}

impl Said {
    /// The one check of this name that is about this.
    fn one(&self, check: &str, about: &str) -> &Value {
        let is_it =
            |it: &&Value| it["check"] == check && it["about"].as_str().unwrap().contains(about);
        let found: Vec<&Value> = self.checks.iter().filter(is_it).collect();
        assert_eq!(found.len(), 1, "{check} {about}: {:#?}", self.checks);
        found[0]
    }

    /// Asserts what came of that check, and that its text or fix has these words.
    fn is(&self, check: &str, about: &str, result: &str, words: &str) {
        let found = self.one(check, about);
        assert_eq!(found["result"], result, "{found}");
        let said = format!("{} {}", found["text"], found["fix"]);
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(found["fix"] == "", result == "ok", "{found}");
    }

    fn not_ok(&self) -> Vec<&Value> {
        let checks = self.checks.iter();
        checks.filter(|check| check["result"] != "ok").collect()
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The program without root's powers over files and ports.
fn powerless() -> Command {
    if !is_root() {
        return Command::new(BINARY);
    }
    let mut command = Command::new("setpriv");
    let without = "-dac_override,-dac_read_search,-net_bind_service";
    command.arg(format!("--inh-caps={without}"));
    command.arg(format!("--bounding-set={without}"));
    command.arg(BINARY);
    command
}

fn permit(file: &Path, mode: u32) {
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A route as Twenty calls it.
fn twenty(upstream: impl std::fmt::Display, keys: &str) -> String {
    let verify = format!("scheme = \"twenty\"\n{}", secrets(&[("current", SECRET)]));
    route("twenty", "/twenty", upstream, keys, &verify)
}

/// An app whose clock is off by so many seconds.
fn app_off_by(seconds: i64) -> App {
    App::behaving(move |stream, _| {
        let offset = Duration::from_secs(seconds.unsigned_abs());
        let now = SystemTime::now();
        let time = if seconds < 0 {
            now - offset
        } else {
            now + offset
        };
        let date = httpdate::fmt_http_date(time);
        let answer = format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).is_ok()
    })
}

/// An app that speaks TLS with a certificate for 127.0.0.1 of its own, which it returns as PEM.
fn tls_app() -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for tcp in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, tcp);
            // The handshake is made while this is written.
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
        }
    });
    (address, made.cert.pem())
}

/// A port that somebody holds, for as long as the listener lives.
fn held() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// A server that speaks no TLS, and says so before it is asked.
fn plain_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
        }
    });
    address
}
