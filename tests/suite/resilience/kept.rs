//! Connections to the app that are kept: used again, and never with what is left of another's answer.

use std::io::Write;
use std::time::Duration;

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
    for (answer, pause) in [
        (&b"HTTP/1.1 204 No Content\r\n\r\n"[..], Duration::ZERO),
        (
            b"HTTP/1.1 204 No Content\r\n\r\n",
            Duration::from_micros(200),
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            Duration::ZERO,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            Duration::from_micros(200),
        ),
    ] {
        let app = App::behaving(move |stream, _| {
            let answered = stream.write_all(answer);
            std::thread::sleep(pause);
            answered.is_ok() && stream.write_all(STRAY).is_ok()
        });
        let proxy = start("", &app, "");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut client = Client::connect(proxy.address);
                    for _ in 0..100 {
                        client.send(&Kind::Twenty.request(b"{}").bytes());
                        let answer = client.answer("POST");
                        assert!(answer.header("x-stray").is_none(), "another's answer");
                        assert!(matches!(answer.status, 200 | 204));
                    }
                });
            }
        });
    }
}
