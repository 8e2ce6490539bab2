//! Connections to the app that are kept: used again, and never with what is left of another's answer.

use std::io::Write;
use std::sync::{Mutex, mpsc};

use super::start;
use crate::support::app::App;
use crate::support::client::Client;
use crate::support::sign::Kind;

#[test]
fn one_after_the_other_few_connections_serve_many_requests() {
    let app = App::start();
    let proxy = start("", &app, "");
    let mut client = Client::connect(proxy.address);
    for _ in 0..300 {
        client.send(&Kind::Twenty.request(b"{}").bytes());
        assert_eq!(client.answer("POST").status, 200);
    }
    // One rests while another serves.
    assert!(app.connections() <= 60, "{} connections", app.connections());
}

#[test]
fn what_an_app_writes_after_its_answer_reaches_nobody() {
    const STRAY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Stray: yes\r\n\r\nstray";
    for answer in [
        &b"HTTP/1.1 204 No Content\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ] {
        for is_at_once in [true, false] {
            let (go_on, may_go_on) = mpsc::channel::<()>();
            let (written, is_written) = mpsc::channel::<()>();
            let (may_go_on, written) = (Mutex::new(may_go_on), Mutex::new(written));
            let app = App::behaving(move |stream, _| {
                if is_at_once {
                    return stream.write_all(&[answer, STRAY].concat()).is_ok();
                }
                let answered = stream.write_all(answer).is_ok();
                may_go_on.lock().unwrap().recv().unwrap();
                // The connection may have been closed by then.
                let _ = stream.write_all(STRAY);
                written.lock().unwrap().send(()).unwrap();
                answered
            });
            let proxy = start("", &app, "");
            for _ in 0..50 {
                let mut client = Client::connect(proxy.address);
                client.send(&Kind::Twenty.request(b"{}").bytes());
                let answer = client.answer("POST");
                assert!(answer.header("x-stray").is_none(), "another's answer");
                assert!(matches!(answer.status, 200 | 204));
                if !is_at_once {
                    // What the app writes beyond its answer comes after the answer was passed on, and
                    // before the next request.
                    go_on.send(()).unwrap();
                    is_written.recv().unwrap();
                }
            }
            proxy.logged("app_wrote_surplus", |_| true);
        }
    }
}
