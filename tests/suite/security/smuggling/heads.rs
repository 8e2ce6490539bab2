//! Where a head ends, and what it says.

use super::Expected::{Forwarded, ForwardedAlone, Refused};
use super::{BODY, Case, SMUGGLED, fields, head, line};

pub(super) fn cases() -> Vec<Case> {
    let cl = |more: &str| fields(&format!("{more}Content-Length: 7\r\n"), BODY);
    let good = || fields("Content-Length: 7\r\n", BODY);
    let unhosted = |host: &str| {
        head(
            "POST /twenty HTTP/1.1",
            &format!("{host}Content-Length: 7\r\n"),
        ) + BODY
            + SMUGGLED
    };
    vec![
        ("nothing odd", good(), Forwarded),
        ("an empty line before", format!("\r\n{}", good()), Forwarded),
        (
            "LF for every CRLF of the head",
            good().replacen("\r\n", "\n", 7),
            Refused(400),
        ),
        (
            "a bare LF before the request line",
            format!("\n{}", good()),
            Refused(400),
        ),
        (
            "a first field that is folded",
            head(
                "POST /twenty HTTP/1.1",
                " X: y\r\nHost: x\r\nContent-Length: 7\r\n",
            ) + BODY
                + SMUGGLED,
            Refused(400),
        ),
        ("a folded field", cl("X: a\r\n b\r\n"), Refused(400)),
        ("a fold with a tab", cl("X: a\r\n\tb\r\n"), Refused(400)),
        ("a field without a colon", cl("nocolon\r\n"), Refused(400)),
        ("a field without a name", cl(": x\r\n"), Refused(400)),
        ("a name with a blank", cl("X Y: z\r\n"), Refused(400)),
        (
            "a name with a control byte",
            cl("X\u{1}: z\r\n"),
            Refused(400),
        ),
        ("a name with brackets", cl("X(Y): z\r\n"), Refused(400)),
        ("a value with NUL", cl("X: a\0b\r\n"), Refused(400)),
        ("a value with DEL", cl("X: a\u{7f}b\r\n"), Refused(400)),
        ("a value with a bell", cl("X: a\u{7}b\r\n"), Refused(400)),
        ("no Host", unhosted(""), Refused(400)),
        (
            "two Hosts",
            unhosted("Host: x\r\nHost: y\r\n"),
            Refused(400),
        ),
        (
            "two Hosts that agree",
            unhosted("Host: x\r\nHost: x\r\n"),
            Refused(400),
        ),
        ("a list of Hosts", unhosted("Host: x, y\r\n"), Refused(400)),
        (
            "a Host with a path",
            unhosted("Host: x/y\r\n"),
            Refused(400),
        ),
        (
            "a Host with a user",
            unhosted("Host: y@x\r\n"),
            Refused(400),
        ),
        ("an empty Host", unhosted("Host:\r\n"), Refused(400)),
        (
            "an upgrade",
            cl("Connection: upgrade\r\nUpgrade: websocket\r\n"),
            Forwarded,
        ),
        (
            "an upgrade to HTTP/2 in the clear",
            cl(
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
            ),
            Forwarded,
        ),
        (
            "an upgrade that removes the length",
            cl("Connection: Upgrade, Content-Length\r\nUpgrade: h2c\r\n"),
            Refused(400),
        ),
        (
            "an upgrade with the preface of HTTP/2 behind it",
            head(
                "POST /twenty HTTP/1.1",
                "Host: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 7\r\n",
            ) + BODY
                + "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            ForwardedAlone,
        ),
        (
            "two expectations",
            cl("Expect: 100-continue\r\nExpect: x\r\n"),
            Refused(400),
        ),
        (
            "an expectation twice",
            cl("Expect: 100-continue\r\nexpect: 100-continue\r\n"),
            Refused(400),
        ),
        (
            "another expectation",
            cl("Expect: the-worst\r\n"),
            Forwarded,
        ),
        (
            "a list of expectations",
            cl("Expect: the-worst, 100-continue\r\n"),
            Forwarded,
        ),
        (
            "Connection that removes the signature",
            cl("Connection: X-Twenty-Webhook-Signature\r\n"),
            Refused(400),
        ),
        (
            "Connection that removes the length",
            cl("Connection: Content-Length\r\n"),
            Refused(400),
        ),
        (
            "Connection that removes the Host",
            cl("Connection: host\r\n"),
            Refused(400),
        ),
        (
            "Connection that removes the hand-off",
            cl("Connection: X-Hookward-Verified\r\n"),
            Refused(400),
        ),
        (
            "absolute form",
            line("POST http://x/twenty HTTP/1.1"),
            Forwarded,
        ),
        (
            "absolute form with the default port",
            line("POST HTTPS://X:443/twenty HTTP/1.1"),
            Forwarded,
        ),
        (
            "absolute form of another port",
            line("POST http://x:8080/twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "absolute form of the other scheme's port",
            line("POST http://x:443/twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "absolute form with a user",
            line("POST http://x@x/twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "absolute form with a user that looks like the host",
            line("POST http://x:80@evil/twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "absolute form with a backslash",
            line("POST http://x\\twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "absolute form of another scheme",
            line("POST gopher://x/twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "absolute form without an authority",
            line("POST http:/twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "absolute form with an empty authority",
            line("POST http:///twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "absolute form without a path",
            line("POST http://x HTTP/1.1"),
            Refused(400),
        ),
        (
            "absolute form with a query and no path",
            line("POST http://x?/twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "absolute form in absolute form",
            line("POST http://x/http://x/twenty HTTP/1.1"),
            Refused(404),
        ),
        (
            "absolute form with dot segments",
            line("POST http://x/x/../twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "absolute form without Host",
            head("POST http://x/twenty HTTP/1.1", "Content-Length: 7\r\n") + BODY + SMUGGLED,
            Refused(400),
        ),
        (
            "absolute form of another host",
            line("POST http://evil/twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "authority form",
            line("CONNECT x:80 HTTP/1.1"),
            Refused(400),
        ),
        ("asterisk form", line("OPTIONS * HTTP/1.1"), Refused(400)),
        ("no target", line("POST HTTP/1.1"), Refused(400)),
        (
            "a target without a slash",
            line("POST twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "a blank in the target",
            line("POST /twenty x HTTP/1.1"),
            Refused(400),
        ),
        ("two blanks", line("POST  /twenty HTTP/1.1"), Refused(400)),
        (
            "a tab for the blank",
            line("POST\t/twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "a blank after the version",
            line("POST /twenty HTTP/1.1 "),
            Refused(400),
        ),
        (
            "a version to come",
            line("POST /twenty HTTP/2.0"),
            Refused(400),
        ),
        (
            "a version that is none",
            line("POST /twenty HTTP/1.10"),
            Refused(400),
        ),
        ("HTTP/0.9", line("POST /twenty"), Refused(400)),
        (
            "another protocol",
            line("POST /twenty ICAP/1.0"),
            Refused(400),
        ),
        (
            "a method that is none",
            line("PO(ST /twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "a vertical tab for the blank",
            line("POST\u{b}/twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "a form feed in the target",
            line("POST /twenty\u{c}x HTTP/1.1"),
            Refused(400),
        ),
        (
            "a bare CR in the target",
            line("POST /twenty\rx HTTP/1.1"),
            Refused(400),
        ),
        (
            "NUL in the target",
            line("POST /twenty\0 HTTP/1.1"),
            Refused(400),
        ),
        (
            "dot segments",
            line("POST /x/../twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "dot segments, escaped",
            line("POST /x/%2e%2E/twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "dot segments with a parameter",
            line("POST /x/..;/twenty HTTP/1.1"),
            Refused(400),
        ),
        (
            "a dot segment at the end",
            line("POST /twenty/. HTTP/1.1"),
            Refused(400),
        ),
        (
            "a backslash",
            line("POST /x\\..\\twenty HTTP/1.1"),
            Refused(400),
        ),
        ("a fragment", line("POST /twenty#x HTTP/1.1"), Refused(400)),
        (
            "the preface of HTTP/2",
            format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{SMUGGLED}"),
            Refused(400),
        ),
        (
            "a TLS handshake",
            format!("\u{16}\u{3}\u{1}\0\u{5}\u{1}\0\0\u{1}\r\n\r\n{SMUGGLED}"),
            Refused(400),
        ),
    ]
}
