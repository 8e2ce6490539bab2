//! No API key is written to disk, wherever it stands in the head.

use super::{KEPT, files, only_file, split, start, wait_for};
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

#[test]
fn a_key_in_the_wrong_place_is_hidden_where_a_proxy_copied_it_too() {
    for path in ["/key-header", "/key-query", "/twenty", "/hubspot"] {
        let target = format!("{path}?key={SECRET}&b=2");
        let request = Request::new("POST", &target, "")
            .header("X-Original-URI", &target)
            .header("Referer", format!("https://a.example/{SECRET}/?k={SECRET}"));
        let head = head_of(&request);
        assert!(head.contains("?key=***&b=2"), "{head}");
        assert!(head.contains("/***/?k=***"), "{head}");
        assert!(!head.contains(SECRET), "{head}");
    }
}

#[test]
fn a_key_for_another_route_is_hidden_by_its_parameter_where_no_url_is_signed() {
    let (_app, proxy, _guard, directory) = start("");
    let target = "/twenty?a=1&API_key=of+another&b=2";
    proxy.send(&Request::new("POST", target, "").header("X-Original-URI", target));
    wait_for(&proxy, KEPT, 1);
    let head = split(&only_file(&directory).1).0;
    assert_eq!(head.matches("?a=1&API_key=***&b=2").count(), 2, "{head}");
    // Where it is signed, it can be seen what was; a key that is known is hidden all the same.
    let target = format!("/hubspot?api_key=of+another&c={SECRET}");
    proxy.send(&Request::new("POST", &target, ""));
    wait_for(&proxy, KEPT, 2);
    let last = files(&directory).pop().unwrap();
    let head = split(&std::fs::read(last).unwrap()).0;
    assert!(head.contains("?api_key=of+another&c=***"), "{head}");
}

#[test]
fn a_key_is_hidden_in_a_url_that_a_proxy_changed() {
    let request = Request::new("POST", "/key-query", "")
        .header("X-Original-URI", "/hooks?api_key=wrong+key%21&b=2")
        .header("X-Copy", "wrong key!");
    let head = head_of(&request);
    assert!(head.contains("/hooks?api_key=***&b=2"), "{head}");
    assert!(head.contains("X-Copy: ***\r\n"), "{head}");
}

#[test]
fn many_wrong_keys_do_not_push_the_right_one_out() {
    let wrong = (0..40).map(|index| format!("api_key=wrong-key-{index}"));
    let wrong: Vec<String> = wrong.collect();
    let target = format!("/key-query?{}", wrong.join("&"));
    let request = Request::new("POST", &target, "").header("X-Text", format!("({SECRET})"));
    let head = head_of(&request);
    assert!(head.contains("X-Text: (***)"), "{head}");
    assert!(!head.contains("wrong-key"), "{head}");
}
