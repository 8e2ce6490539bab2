//! Whatever an app writes, its sender gets one answer that can be read in one way, or sees that it was cut
//! off. Answers are damaged here at random, from a fixed start, so that each run tries the same ones.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, mpsc};

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};

use super::start;
use crate::support::app::App;
use crate::support::client::Client;
use crate::support::sign::Kind;
use crate::support::{PATIENCE, eventually};

/// How many answers are tried; `PROPTEST_CASES` names another number.
const CASES: u32 = 400;

const ANSWERS: [&str; 7] = [
    "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-App: yes\r\n\r\nhello world",
    "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: 1\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nX-App: yes\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 11\r\n\r\n",
    "HTTP/1.0 200 OK\r\n\r\nhello until the end",
    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy",
];

const FRAGMENTS: [&str; 16] = [
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\r\n\r\n",
    " ",
    ":",
    "Content-Length: 3\r\n",
    "Content-Length: +11\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip\r\n",
    " folded\r\n",
    "ffffffffffffffffff\r\n",
    "0\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "\u{e9}",
];

#[derive(Clone, Debug)]
enum Damage {
    Insert(Index, &'static str),
    Remove(Index, usize),
    Replace(Index, u8),
    CutOff(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), select(&FRAGMENTS[..])).prop_map(|(at, what)| Damage::Insert(at, what)),
        (any::<Index>(), 1_usize..6).prop_map(|(at, count)| Damage::Remove(at, count)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        any::<Index>().prop_map(Damage::CutOff),
    ]
}

fn damaged(answer: &str, damages: &[Damage]) -> Vec<u8> {
    let mut bytes = answer.as_bytes().to_vec();
    for damage in damages {
        let (Damage::Insert(at, _)
        | Damage::Remove(at, _)
        | Damage::Replace(at, _)
        | Damage::CutOff(at)) = damage;
        let at = at.index(bytes.len() + 1);
        match damage {
            Damage::Insert(_, what) => drop(bytes.splice(at..at, what.bytes())),
            Damage::Remove(_, count) => drop(bytes.drain(at..(at + count).min(bytes.len()))),
            Damage::Replace(_, byte) => drop(bytes.splice(at..(at + 1).min(bytes.len()), [*byte])),
            Damage::CutOff(_) => bytes.truncate(at),
        }
    }
    bytes
}

/// Reads what a sender got as strictly as it can be read.
fn check(got: &[u8]) -> Result<(), String> {
    let mut rest = got;
    loop {
        let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") else {
            // Cut off before there was an answer, or within its head.
            return Ok(());
        };
        let head = std::str::from_utf8(&rest[..end]).map_or_else(
            |_| String::from_utf8_lossy(&rest[..end]).into_owned(),
            str::to_owned,
        );
        rest = &rest[end + 4..];
        second_opinion(&got[got.len() - rest.len() - end - 4..][..end + 4])?;
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let status = status_line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|line| line.get(..3)?.parse::<u16>().ok())
            .ok_or(format!("the status line {status_line:?}"))?;
        let mut framing: Vec<(String, String)> = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or(format!("the line {line:?}"))?;
            let is_token =
                |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(is_token) || line.contains(['\r', '\n', '\0']) {
                return Err(format!("the line {line:?}"));
            }
            let name = name.to_ascii_lowercase();
            if name == "content-length" || name == "transfer-encoding" {
                framing.push((name, value.trim().to_owned()));
            }
        }
        if (100..200).contains(&status) {
            if status == 101 || !framing.is_empty() {
                return Err(format!("the informational answer {head:?}"));
            }
            continue;
        }
        return match &framing[..] {
            _ if matches!(status, 204 | 304) && rest.is_empty() => Ok(()),
            [(name, value)] if name == "content-length" => {
                let length: usize = value.parse().map_err(|_| format!("the length {value}"))?;
                (rest.len() <= length)
                    .then_some(())
                    .ok_or("bytes behind the end".into())
            }
            [(name, value)] if name == "transfer-encoding" && value == "chunked" => chunks(rest),
            _ => Err(format!("the framing {framing:?}")),
        };
    }
}

/// Whether a lenient parser reads the same status and fields as lines and colons show.
fn second_opinion(head: &[u8]) -> Result<(), String> {
    let mut fields = [httparse::EMPTY_HEADER; 300];
    let mut other = httparse::Response::new(&mut fields);
    match other.parse(head) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        outcome => return Err(format!("httparse reads the head as {outcome:?}")),
    }
    let status = head.get(9..12).unwrap_or_default();
    if other
        .code
        .map(|code| code.to_string().into_bytes())
        .as_deref()
        != Some(status)
    {
        return Err(format!("httparse reads the status {:?}", other.code));
    }
    let mut lines = head.split(|byte| *byte == b'\n').skip(1);
    for field in other.headers.iter() {
        let line = lines.next().unwrap_or_default();
        let (name, value) = line.split_at(field.name.len().min(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(b"\0").trim_ascii();
        if !name.eq_ignore_ascii_case(field.name.as_bytes()) || value != field.value.trim_ascii() {
            return Err(format!("httparse reads the field {}", field.name));
        }
    }
    let left = lines.filter(|line| !line.trim_ascii().is_empty()).count();
    (left == 0)
        .then_some(())
        .ok_or(format!("httparse leaves {left} lines"))
}

fn chunks(mut rest: &[u8]) -> Result<(), String> {
    loop {
        let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else {
            return Ok(());
        };
        let size = std::str::from_utf8(&rest[..end]).map_err(|_| "the size of a chunk")?;
        let size = usize::from_str_radix(size, 16).map_err(|_| format!("the size {size:?}"))?;
        rest = &rest[end + 2..];
        if size == 0 {
            let is_end = b"\r\n".starts_with(rest);
            return is_end.then_some(()).ok_or("bytes behind the end".into());
        }
        if rest.len() < size + 2 {
            return Ok(());
        }
        if &rest[size..size + 2] != b"\r\n" {
            return Err("a chunk longer than its size".into());
        }
        rest = &rest[size + 2..];
    }
}

#[test]
fn a_damaged_answer_is_read_in_one_way_by_its_sender() {
    let next: Arc<Mutex<Vec<u8>>> = Arc::default();
    let written = Arc::clone(&next);
    let (closed, is_closed) = mpsc::channel();
    let app = App::behaving(move |stream, seen| {
        if seen.body == b"{}" {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsound";
            return stream.write_all(answer).is_ok();
        }
        let _ = stream.write_all(&written.lock().unwrap());
        let _ = stream.shutdown(Shutdown::Write);
        let _ = closed.send(());
        false
    });
    let proxy = start(&app);
    let cases = std::env::var("PROPTEST_CASES");
    let config = Config {
        cases: cases.map_or(CASES, |cases| cases.parse().unwrap()),
        failure_persistence: None,
        ..Config::default()
    };
    let rng = proptest::test_runner::TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let cases = (select(&ANSWERS[..]), prop::collection::vec(damage(), 0..4));
    runner
        .run(&cases, |(answer, damages)| {
            *next.lock().unwrap() = damaged(answer, &damages);
            let mut client = Client::connect(proxy.address);
            client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let request = Kind::Twenty
                .request(b"{\"damaged\":1}")
                .with("Connection", "close");
            client.send(&request.bytes());
            let mut got = Vec::new();
            let read = client.stream.read_to_end(&mut got);
            prop_assert!(
                !matches!(&read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock),
                "the answer did not end"
            );
            let shown = String::from_utf8_lossy(&got).into_owned();
            check(&got).map_err(|wrong| TestCaseError::fail(format!("{wrong} in {shown:?}")))?;
            if damages.is_empty() {
                prop_assert!(
                    !shown.starts_with("HTTP/1.1 502"),
                    "{answer:?} gave {shown:?}"
                );
            }
            // An answer that looks whole leaves a connection that would serve the next request, and nobody
            // could know that the app is about to close it.
            is_closed.recv_timeout(PATIENCE).unwrap();
            let sound = proxy.send(&Kind::Twenty.request(b"{}"));
            prop_assert_eq!((sound.status, &sound.body[..]), (200, &b"sound"[..]));
            Ok(())
        })
        .unwrap();
    eventually("the last exchange to end", || {
        (proxy.metric("hookward_requests_in_flight") == 0.0).then_some(())
    });
}
