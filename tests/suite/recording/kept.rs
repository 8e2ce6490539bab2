//! What is kept of which requests.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use super::{
    KEPT, LOST, RECORDS, files, forgery, only_file, routes, split, start, table, wait_for,
};
use crate::support::app::App;
use crate::support::client::{Client, Framing, Request};
use crate::support::protocol::over_each_protocol;
use crate::support::proxy::Proxy;
use crate::support::sign::{self, Kind, SECRET};

over_each_protocol!(a_refused_body_is_kept_whatever_the_protocol);

/// Bytes that no text has, and that HTTP itself uses.
const BYTES: &[u8] = b"{\"a\":\"\xff\x00\r\n\r\n\n \"}\r\n";

#[test]
fn a_refused_request_is_kept_byte_for_byte() {
    let (_app, proxy, _guard, directory) = start("");
    let before = sign::clock().to_string();
    let request = forgery(BYTES)
        .header("X-Odd_name", b"tab\tand \xc5\xbe")
        .header("x-odd_name", "")
        .header("X-Hookward-Reason", "made up by the sender");
    assert_eq!(proxy.send(&request).status, 401);
    let after = sign::clock().to_string();
    wait_for(&proxy, KEPT, 1);
    let (name, file) = only_file(&directory);
    let at = name.split('-').next().unwrap();
    assert!(*before <= *at && *at <= *after, "{before} {at} {after}");
    let rest = name
        .strip_prefix(&format!("{at}-twenty-signature_mismatch-"))
        .unwrap();
    let number = rest.strip_suffix(".http").unwrap();
    assert!(number.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
    let head = request.without("X-Hookward-Reason").head_bytes();
    let marks =
        format!("X-Hookward-Recorded-At: {at}\r\nX-Hookward-Reason: signature_mismatch\r\n\r\n");
    let expected = [&head[..head.len() - 2], marks.as_bytes(), BYTES].concat();
    assert_eq!(file, expected, "{}", String::from_utf8_lossy(&file));
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(directory.clone()), 0o700);
    assert_eq!(mode(files(&directory)[0].clone()), 0o600);
}

fn a_refused_body_is_kept_whatever_the_protocol() {
    let (_app, proxy, _guard, directory) = start("");
    let large: Vec<u8> = (0..200_000_u32).flat_map(u32::to_be_bytes).collect();
    proxy.send(&forgery(&*large));
    wait_for(&proxy, KEPT, 1);
    let (head, body) = split(&only_file(&directory).1);
    assert!(body == large);
    assert!(head.starts_with("POST /twenty HTTP/1.1\r\n"), "{head}");
    let head = head.to_ascii_lowercase();
    assert_eq!(
        head.matches("content-length: 800000\r\n").count(),
        1,
        "{head}"
    );
    assert_eq!(head.matches("\r\nhost: ").count(), 1, "{head}");
}

#[test]
fn a_body_in_chunks_is_kept_with_its_length() {
    let (_app, proxy, _guard, directory) = start("");
    proxy.send(&forgery(BYTES).framed(Framing::Chunked(3)));
    wait_for(&proxy, KEPT, 1);
    let (head, body) = split(&only_file(&directory).1);
    assert_eq!(body, BYTES);
    let length = format!("Content-Length: {}\r\n", BYTES.len());
    assert!(
        head.contains(&length) && !head.contains("chunked"),
        "{head}"
    );
}

#[test]
fn a_refusal_by_the_head_alone_is_kept_without_the_body_and_shows_it() {
    let (_app, proxy, _guard, directory) = start("");
    let unsigned = Request::new("POST", "/twenty?a=1", "12345");
    proxy.send(&unsigned);
    wait_for(&proxy, KEPT, 1);
    let (name, file) = only_file(&directory);
    assert!(name.contains("-twenty-missing_signature-"), "{name}");
    let (head, body) = split(&file);
    assert!(head.starts_with("POST /twenty?a=1 HTTP/1.1\r\n") && body.is_empty());
    assert!(head.contains("Content-Length: 5\r\n"), "{head}");
}

#[test]
fn what_came_of_a_body_that_was_cut_off_is_kept() {
    let (_app, proxy, _guard, directory) = start("");
    let bytes = forgery("0123456789").bytes();
    let mut client = Client::connect(proxy.address);
    client.stream.write_all(&bytes[..bytes.len() - 4]).unwrap();
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    wait_for(&proxy, KEPT, 1);
    let (name, file) = only_file(&directory);
    assert!(name.contains("-twenty-bad_request-"), "{name}");
    let (head, body) = split(&file);
    assert_eq!(body, b"012345");
    assert!(head.contains("Content-Length: 10\r\n"), "{head}");
}

#[test]
fn what_came_of_chunks_that_were_cut_off_is_kept_and_has_no_length() {
    let (_app, proxy, _guard, directory) = start("");
    let bytes = forgery("0123456789").framed(Framing::Chunked(6)).bytes();
    let mut client = Client::connect(proxy.address);
    client.stream.write_all(&bytes[..bytes.len() - 11]).unwrap();
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    wait_for(&proxy, KEPT, 1);
    let (head, body) = split(&only_file(&directory).1);
    assert_eq!(String::from_utf8(body).unwrap(), "012345");
    let head = head.to_ascii_lowercase();
    assert!(head.contains("transfer-encoding: chunked") && !head.contains("content-length"));
}

#[test]
fn what_is_verified_let_through_or_of_no_route_that_records_is_not_kept() {
    let app = App::start();
    let guard = tempfile::tempdir().unwrap();
    let directory = guard.path().join("refused");
    let lenient = sign::routes(app.url(), &format!("{RECORDS}\nenforce = false"));
    let other = "[[route]]\nname = \"other\"\npath = \"/other\"\nupstream = \"http://127.0.0.1:1\"\n\
                 [route.verify]\nscheme = \"twenty\"\nsecrets = [{ id = \"s\", value = \"another secret of it\" }]\n";
    let proxy = Proxy::start("", &(lenient + other + &table(&directory, "")));
    for kind in Kind::ALL {
        assert_eq!(proxy.send(&kind.request(b"{}")).status, 200);
    }
    assert_eq!(proxy.send(&forgery("{}")).status, 200);
    assert_eq!(
        proxy.send(&Request::new("POST", "/nowhere", "")).status,
        404
    );
    assert_eq!(proxy.send(&Request::new("POST", "/other", "")).status, 401);
    // Not let through: this one is kept, and is the only one.
    assert_eq!(
        proxy.send(&Request::new("PATCH", "/twenty", "")).status,
        405
    );
    wait_for(&proxy, KEPT, 1);
    let (name, _) = only_file(&directory);
    assert!(name.contains("-twenty-method_not_allowed-"), "{name}");
    assert!(proxy.metric(LOST) < 1.0);
}

#[test]
fn a_head_request_that_nobody_signed_takes_no_place() {
    let (_app, proxy, _guard, directory) = start("max_requests = 1");
    proxy.send(&forgery("{}"));
    wait_for(&proxy, KEPT, 1);
    for kind in Kind::ALL {
        assert_eq!(
            proxy.send(&Request::new("HEAD", kind.path(), "")).status,
            405
        );
    }
    let signed = |kind: Kind| Request {
        method: "HEAD".to_owned(),
        ..kind.request(b"")
    };
    // What somebody signed is kept, and is all that is.
    for (count, kind) in (2..).zip([Kind::Twenty, Kind::KeyHeader, Kind::KeyQuery]) {
        assert_eq!(proxy.send(&signed(kind)).status, 405);
        wait_for(&proxy, KEPT, count);
    }
    assert!(
        only_file(&directory)
            .0
            .contains("-key-query-method_not_allowed-")
    );
}

#[test]
fn a_reload_changes_what_is_kept_and_where() {
    let app = App::start();
    let guard = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| guard.path().join(name));
    let off = sign::routes(app.url(), "");
    let proxy = Proxy::start("", &off);
    let refuse = || assert_eq!(proxy.send(&forgery("{}")).status, 401);
    refuse();
    for (directory, count) in [(&first, 1), (&second, 2)] {
        proxy.write_config("", &routes(&app, directory, ""));
        assert!(proxy.reload());
        refuse();
        wait_for(&proxy, KEPT, count);
        assert_eq!(files(directory).len(), 1);
    }
    proxy.write_config("", &off);
    assert!(proxy.reload());
    refuse();
    proxy.write_config("", &routes(&app, &first, "max_requests = 1"));
    assert!(proxy.reload());
    refuse();
    wait_for(&proxy, KEPT, 3);
    assert_eq!((files(&first).len(), files(&second).len()), (1, 1));
}

#[test]
fn the_last_requests_are_written_before_the_process_ends() {
    let (_app, proxy, _guard, directory) = start("");
    let body = vec![b'x'; 100_000];
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                let mut client = proxy.connect();
                for _ in 0..8 {
                    assert_eq!(client.exchange(&forgery(&*body)).status, 401);
                }
            });
        }
    });
    // At once, without waiting for anything else.
    proxy.signal("-INT");
    assert!(proxy.wait().success());
    assert_eq!(files(&directory).len(), 40);
}

#[test]
fn nothing_of_a_secret_is_in_the_files() {
    let (_app, proxy, _guard, directory) = start("");
    for kind in Kind::ALL {
        let request = kind.request(b"{}");
        proxy.send(&Request {
            method: "DELETE".to_owned(),
            ..request
        });
    }
    wait_for(&proxy, KEPT, 6);
    for file in files(&directory) {
        let text = String::from_utf8(std::fs::read(file).unwrap()).unwrap();
        assert!(!text.contains(SECRET), "{text}");
    }
}
