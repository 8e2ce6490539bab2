//! No API key is written to disk, wherever it stands in the head.

use super::{KEPT, only_file, split, start, wait_for};
use crate::support::client::Request;
use crate::support::sign::SECRET;

/// The head that is kept of a request.
fn head_of(request: &Request) -> String {
    let (_app, proxy, _guard, directory) = start("");
    proxy.send(request);
    wait_for(&proxy, KEPT, 1);
    split(&only_file(&directory).1).0
}

#[test]
fn a_wrong_key_is_hidden_in_its_header() {
    let request = Request::new("POST", "/key-header", "{}")
        .header("x-api-KEY", "a wrong key, perhaps of another")
        .header("X_Api_Key", "one that an app could take for it");
    let head = head_of(&request);
    assert!(
        head.contains("x-api-KEY: ***\r\nX_Api_Key: ***\r\n"),
        "{head}"
    );
    assert!(!head.contains("wrong") && !head.contains("could"), "{head}");
}

#[test]
fn a_wrong_key_is_hidden_in_its_parameter_and_where_a_proxy_copied_it() {
    let target = "/key-query?a=%7e&api%5Fkey=wrong+key%21&b=2";
    let request = Request::new("POST", target, "{}")
        .header("X-Original-URI", target)
        .header("Referer", "https://a.example/?k=wrong+key%21");
    let head = head_of(&request);
    let first = "POST /key-query?a=%7e&api%5Fkey=***&b=2 HTTP/1.1\r\n";
    assert!(head.starts_with(first) && !head.contains("wrong"), "{head}");
}

#[test]
fn the_right_key_is_hidden_in_the_wrong_place() {
    for request in [
        Request::new("POST", "/key-header", "").header("Authorization", format!("Bearer {SECRET}")),
        Request::new("POST", "/key-header", "").header("X-Key", SECRET),
        Request::new("POST", &format!("/key-header?key={SECRET}&b"), ""),
        Request::new("POST", &format!("/key-query?key={SECRET}&b"), ""),
        Request::new("POST", "/key-query", "").header("X-Api-Key", SECRET),
        Request::new("POST", "/twenty", "").header("X-Api-Key", SECRET),
    ] {
        let head = head_of(&request);
        assert!(head.contains("***") && !head.contains(SECRET), "{head}");
    }
}
