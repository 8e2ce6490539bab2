//! Where a body ends: `Content-Length` and `Transfer-Encoding`.

use super::Expected::{Forwarded, Refused};
use super::{BODY, Case, SMUGGLED, fields, head};

pub(super) fn cases() -> Vec<Case> {
    let chunked = "7\r\n{\"a\":1}\r\n0\r\n\r\n";
    let te = |value: &str| fields(&format!("Transfer-Encoding: {value}\r\n"), chunked);
    let cl = |value: &str| fields(&format!("Content-Length: {value}\r\n"), BODY);
    let both = "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n";
    let reversed = "Transfer-Encoding: chunked\r\nContent-Length: 7\r\n";
    vec![
        (
            "CL.TE: the length wins here, the chunks there",
            fields(both, BODY),
            Refused(400),
        ),
        (
            "TE.CL: the chunks win here, the length there",
            fields(reversed, chunked),
            Refused(400),
        ),
        (
            "a length of 0 beside chunks",
            fields(
                "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
                chunked,
            ),
            Refused(400),
        ),
        (
            "two lengths that differ",
            fields("Content-Length: 7\r\nContent-Length: 0\r\n", BODY),
            Refused(400),
        ),
        (
            "two lengths that agree",
            fields("Content-Length: 7\r\nContent-Length: 7\r\n", BODY),
            Refused(400),
        ),
        ("a list of lengths", cl("7, 7"), Refused(400)),
        ("a signed length", cl("+7"), Refused(400)),
        ("a negative length", cl("-7"), Refused(400)),
        ("a padded length", cl("07"), Refused(400)),
        ("a hexadecimal length", cl("0x7"), Refused(400)),
        ("a length with a fraction", cl("7.0"), Refused(400)),
        ("a length in underscores", cl("0_7"), Refused(400)),
        ("a length with a blank in it", cl("7 0"), Refused(400)),
        ("a length in quotes", cl("\"7\""), Refused(400)),
        ("a length with a vertical tab", cl("\u{b}7"), Refused(400)),
        (
            "a length beyond 64 bits",
            cl("18446744073709551623"),
            Refused(400),
        ),
        ("an empty length", cl(""), Refused(400)),
        ("a length in other digits", cl("\u{667}"), Refused(400)),
        ("a length after blanks and a tab", cl(" \t7"), Forwarded),
        (
            "blank before the colon",
            fields("Content-Length : 7\r\n", BODY),
            Refused(400),
        ),
        (
            "tab before the colon",
            fields("Content-Length\t: 7\r\n", BODY),
            Refused(400),
        ),
        (
            "a coding before the colon",
            fields("Transfer-Encoding : chunked\r\n", chunked),
            Refused(400),
        ),
        (
            "a length in another spelling, which is removed",
            fields(
                "Content_Length: 99\r\nContent-Length: 7\r\nContent.Length: 0\r\n",
                BODY,
            ),
            Forwarded,
        ),
        (
            "a coding in another spelling, which is removed",
            fields(
                "Transfer_Encoding: chunked\r\nContent-Length: 7\r\nTransfer.Encoding: chunked\r\n",
                BODY,
            ),
            Forwarded,
        ),
        ("the coding chunked", te("chunked"), Forwarded),
        ("chunked in other letters", te("ChUnKeD"), Forwarded),
        ("chunked not last", te("chunked, identity"), Refused(400)),
        ("chunked after another", te("gzip, chunked"), Refused(400)),
        ("chunked twice", te("chunked, chunked"), Refused(400)),
        (
            "chunked in two fields",
            fields(
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                chunked,
            ),
            Refused(400),
        ),
        (
            "chunked after identity in two fields",
            fields(
                "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
                chunked,
            ),
            Refused(400),
        ),
        (
            "identity",
            fields("Transfer-Encoding: identity\r\nContent-Length: 7\r\n", BODY),
            Refused(400),
        ),
        ("an unknown coding", te("xchunked"), Refused(400)),
        ("chunked with a parameter", te("chunked;q=1"), Refused(400)),
        ("chunked with a comma", te("chunked,"), Refused(400)),
        ("chunked in quotes", te("\"chunked\""), Refused(400)),
        (
            "chunked behind a vertical tab",
            te("\u{b}chunked"),
            Refused(400),
        ),
        (
            "chunked behind a form feed",
            te("\u{c}chunked"),
            Refused(400),
        ),
        ("chunked with NUL", te("chunked\0"), Refused(400)),
        ("an empty coding", te(""), Refused(400)),
        (
            "chunked folded onto a second line",
            fields("Transfer-Encoding:\r\n chunked\r\n", chunked),
            Refused(400),
        ),
        (
            "a coding hidden behind a bare CR",
            fields(
                "X: a\rTransfer-Encoding: chunked\r\nContent-Length: 7\r\n",
                BODY,
            ),
            Refused(400),
        ),
        (
            "a coding hidden behind a bare LF",
            fields(
                "X: a\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n",
                BODY,
            ),
            Refused(400),
        ),
        (
            "HTTP/1.0 with chunks",
            head(
                "POST /twenty HTTP/1.0",
                "Host: x\r\nTransfer-Encoding: chunked\r\n",
            ) + chunked
                + SMUGGLED,
            Refused(400),
        ),
    ]
}
