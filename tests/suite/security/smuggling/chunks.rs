//! Where a chunk ends.

use super::Expected::{Forwarded, Refused};
use super::{Case, fields};

pub(super) fn cases() -> Vec<Case> {
    let body = |chunks: &str| fields("Transfer-Encoding: chunked\r\n", chunks);
    vec![
        (
            "an extension that hides nothing",
            body("7;a=b\r\n{\"a\":1}\r\n0;c\r\n\r\n"),
            Forwarded,
        ),
        (
            "trailers are not headers",
            body(
                "7\r\n{\"a\":1}\r\n0\r\nX-Hookward-Verified: twenty\r\nContent-Length: 99\r\n\r\n",
            ),
            Forwarded,
        ),
        (
            "a size in leading zeros",
            body("0007\r\n{\"a\":1}\r\n000\r\n\r\n"),
            Forwarded,
        ),
        (
            "an extension with a bare LF",
            body("7;a\nX\r\n{\"a\":1}\r\n0\r\n\r\n"),
            Refused(400),
        ),
        (
            "an extension with a bare CR",
            body("7;a\rX\r\n{\"a\":1}\r\n0\r\n\r\n"),
            Refused(400),
        ),
        (
            "a size that ends with LF alone",
            body("7\n{\"a\":1}\r\n0\r\n\r\n"),
            Refused(400),
        ),
        (
            "data that ends with LF alone",
            body("7\r\n{\"a\":1}\n0\r\n\r\n"),
            Refused(400),
        ),
        (
            "data longer than its size",
            body("7\r\n{\"a\":1}XX0\r\n\r\n"),
            Refused(400),
        ),
        (
            "a signed size",
            body("+7\r\n{\"a\":1}\r\n0\r\n\r\n"),
            Refused(400),
        ),
        (
            "a size with 0x",
            body("0x7\r\n{\"a\":1}\r\n0\r\n\r\n"),
            Refused(400),
        ),
        (
            "a size behind a blank",
            body(" 7\r\n{\"a\":1}\r\n0\r\n\r\n"),
            Refused(400),
        ),
        (
            "a size before a blank",
            body("7 \r\n{\"a\":1}\r\n0\r\n\r\n"),
            Refused(400),
        ),
        (
            "a size that overflows to 7",
            body("10000000000000007\r\n{\"a\":1}\r\n0\r\n\r\n"),
            Refused(400),
        ),
        (
            "a negative size",
            body("-7\r\n{\"a\":1}\r\n0\r\n\r\n"),
            Refused(400),
        ),
        ("no size", body("\r\n{\"a\":1}\r\n0\r\n\r\n"), Refused(400)),
        (
            "a last chunk that ends with LF alone",
            body("7\r\n{\"a\":1}\r\n0\n\n"),
            Refused(400),
        ),
        (
            "a trailer folded",
            body("7\r\n{\"a\":1}\r\n0\r\nX: a\r\n b\r\n\r\n"),
            Refused(400),
        ),
        (
            "a trailer without a colon",
            body("7\r\n{\"a\":1}\r\n0\r\nGET / HTTP/1.1\r\n\r\n"),
            Refused(400),
        ),
    ]
}
