use proptest::prelude::*;

use crate::explain::mistakes::url::testing::Trial;

const BASE: &str = "https://hooks.example.com/hubspot";

#[track_caller]
fn check(version: &'static str, rows: &[(&str, &str, &str)]) {
    for (word, signed, received) in rows {
        let (signed, received) = (format!("{BASE}{signed}"), format!("{BASE}{received}"));
        let trial = Trial::new(version, &signed, &received);
        assert_eq!(trial.words(), [*word], "{version} {signed} {received}");
        for (_, fix) in trial.found().unwrap() {
            assert!(fix.len() > 40 && !fix.contains("secret-value"), "{fix}");
        }
    }
}

#[test]
fn parameters_that_were_left_out_or_added_are_found() {
    let rows = [
        ("query_missing", "", "?a=secret-value"),
        ("query_missing", "?", ""),
        ("query_missing", "?a=1", "?a=1&b=secret-value"),
        ("query_missing", "?b=2&c=3", "?a=secret-value&b=2&c=3"),
        ("query_missing", "?a=1", "?a=1&utm_source=x&utm_medium=y"),
        ("query_missing", "?a=1", "?u=1&v=2&a=1"),
    ];
    check("v2", &rows);
    check("v3", &rows);
    for (name, value) in [
        ("X-Original-URI", "/hubspot?portal=secret-value"),
        ("X-Forwarded-Uri", "/hubspot?portal=secret-value"),
        (
            "X-Original-URL",
            "https://hooks.example.com/hubspot?portal=secret-value",
        ),
    ] {
        let signed = format!("{BASE}?portal=secret-value");
        let trial = Trial::new("v3", &signed, BASE).header(name, value);
        assert_eq!(trial.words(), ["query_missing"], "{name}");
        let fix = trial.found().unwrap().remove(0).1;
        assert!(
            fix.contains("`portal`") && !fix.contains("secret-value"),
            "{fix}"
        );
    }
}

#[test]
fn orders_are_found() {
    let rows = [
        ("query_order", "?b=2&a=1", "?a=1&b=2"),
        (
            "query_order",
            "?c=3&a=1&e=5&b=2&d=4",
            "?a=1&b=2&c=3&d=4&e=5",
        ),
        (
            "query_order",
            "?g=7&f=6&e=5&d=4&c=3&b=2&a=1",
            "?a=1&b=2&c=3&d=4&e=5&f=6&g=7",
        ),
        (
            "query_order",
            "?a=1&b=2&c=3&d=4&e=5&f=6&g=7",
            "?g=7&a=1&b=2&f=6&c=3&d=4&e=5",
        ),
        (
            "query_order",
            "?b=2&c=3&d=4&e=5&f=6&g=7&a=1",
            "?a=1&b=2&c=3&d=4&e=5&f=6&g=7",
        ),
    ];
    check("v2", &rows);
    check("v3", &rows);
}

#[test]
fn another_spelling_that_a_proxy_keeps_is_told_in_its_own_words() {
    for (word, signed, received) in [
        ("query_order", "?b=2&a=1", "?a=1&b=2"),
        ("query_encoded", "?q=a%20b", "?q=a+b"),
        ("query_decoded", "?q=%3A%5B%3d", "?q=:[="),
        ("escapes", "/%3A%5b", "/:["),
        ("url_path_case", "/cRm", "/crm"),
        ("url_trailing_slash", "/crm/", "/crm"),
    ] {
        let signed = format!("{BASE}{signed}");
        let trial = Trial::new("v2", &signed, &format!("{BASE}{received}"))
            .header("X-Original-URL", &signed);
        assert_eq!(trial.words(), [word], "{signed}");
    }
}

#[test]
fn decoded_queries_are_found() {
    let both = [
        ("query_decoded", "?q=x%26y", "?q=x&y"),
        ("query_decoded", "?q=1%2B1", "?q=1+1"),
        ("query_decoded", "?q=a%3Db", "?q=a=b"),
        ("query_decoded", "?q=100%25", "?q=100%"),
        ("query_decoded", "?q=J%C3%B6rg", "?q=Jörg"),
        ("query_decoded", "?q=a%20b&r=c+d", "?q=a b&r=c+d"),
        ("query_decoded", "?q=a+b%3D", "?q=a b="),
        (
            "query_decoded",
            "?next=https%3A%2F%2Fx.example%2F%3Fa%3D1%26b%3D2",
            "?next=https://x.example/?a=1&b=2",
        ),
    ];
    check("v2", &both);
    check("v3", &both);
    check(
        "v2",
        &[
            (
                "query_decoded",
                "?email=a%40b.example",
                "?email=a@b.example",
            ),
            ("query_decoded", "?u=https%3a%2f%2fx", "?u=https://x"),
            ("query_decoded", "?f%5Ba%5D=1", "?f[a]=1"),
            ("query_decoded", "?email=a%2540b", "?email=a%40b"),
        ],
    );
}

#[test]
fn queries_that_were_written_anew_are_found() {
    let rows = [
        ("query_encoded", "?q=a%20b", "?q=a+b"),
        ("query_encoded", "?q=a+b", "?q=a%20b"),
        ("query_encoded", "?q=%c3%b6", "?q=%C3%B6"),
        ("query_encoded", "?q=%C3%B6", "?q=%c3%b6"),
        ("query_encoded", "?q=%26", "?q=%2526"),
        ("query_encoded", "?q=%7E", "?q=~"),
        ("query_encoded", "?q=~", "?q=%7E"),
        ("query_encoded", "?q=%C3%B6", "?q=%F6"),
        ("query_encoded", "?q=%F6", "?q=%C3%B6"),
        ("query_encoded", "?q=a%20b&r=%26*", "?q=a+b&r=%26%2A"),
    ];
    check("v2", &rows);
    check("v3", &rows);
}

#[test]
fn escapes_are_found() {
    check(
        "v2",
        &[
            ("escapes", "?email=a@b.example", "?email=a%40b.example"),
            ("escapes", "/a@b?t=1:2", "/a%40b?t=1%3A2"),
            ("escapes", "/a%40b", "/a@b"),
            ("escapes", "/%c3%b6", "/%C3%B6"),
        ],
    );
    check(
        "v3",
        &[
            ("escapes", "?q=a b@c", "?q=a%20b%40c"),
            ("escapes", "?q=a b@c", "?q=a+b%40c"),
            ("escapes", "/a b?q=ö", "/a%20b?q=%C3%B6"),
            ("escapes", "/a b?q=%20", "/a%20b?q=%20"),
            ("escapes", "/a%20b?q=%20", "/a b?q=%20"),
            ("escapes", "/a%2Bb", "/a+b"),
            ("escapes", "/%7Ea", "/~a"),
            ("escapes", "/a%26", "/a%2526"),
        ],
    );
}

#[test]
fn what_is_tried_is_bounded() {
    let usual = format!("{BASE}/crm?portal=62515&email=a%40b.example&name=J%20D&ts=1+2");
    let mut trial = Trial::new("v3", "", &usual)
        .header("Host", "10.0.0.7:8080")
        .header("X-Forwarded-Host", "hooks.example.com");
    trial.path = "/hubspot/*";
    assert!(trial.tried_urls() <= 250, "{}", trial.tried_urls());
    // A stranger chooses these.
    let hostile = format!("{BASE}{}?{}", "/%41+~".repeat(500), "a=%41+&".repeat(500));
    let hosts = vec!["h.example:81"; 500].join(",");
    let trial = Trial::new("v3", "", &hostile)
        .header("X-Forwarded-Host", &hosts)
        .header("X-Original-URI", &hostile);
    assert!(trial.tried_urls() <= 400, "{}", trial.tried_urls());
}

#[test]
fn a_forgery_is_of_no_mistake() {
    let url = format!("{BASE}/crm?portal=62515&email=a%40b.example&name=J%20D");
    let mut trial = Trial::new("v2", &url, &url).header("X-Forwarded-Host", "a.example");
    trial.presented = [9; 32];
    assert_eq!(trial.found(), None);
}

/// What is done to a path and query on their way, and the words that may be told for it.
type Way = (
    &'static str,
    fn(&str, &str) -> (String, String),
    &'static [&'static str],
);

const WAYS: &[Way] = &[
    (
        "slash",
        |path, query| (format!("{path}/"), query.to_owned()),
        &["url_trailing_slash"],
    ),
    (
        "added",
        |path, query| (path.to_owned(), format!("{query}&utm_source=x")),
        &["query_missing"],
    ),
    (
        "turned",
        |path, query| {
            (
                path.to_owned(),
                query.split('&').rev().collect::<Vec<_>>().join("&"),
            )
        },
        &["query_order"],
    ),
    (
        "escaped again",
        |path, query| (path.to_owned(), query.replace("%2", "%252")),
        &["query_encoded"],
    ),
    (
        "plus",
        |path, query| (path.to_owned(), query.replace("%20", "+")),
        &["query_encoded"],
    ),
    // Where nothing but a `%2B` is decoded, the blank is not there to tell.
    (
        "decoded",
        |path, query| {
            (
                path.to_owned(),
                query
                    .replace("%20", " ")
                    .replace("%26", "&")
                    .replace("%2B", "+"),
            )
        },
        &["query_decoded"],
    ),
    (
        "prefix",
        |path, query| (format!("/in{path}"), query.to_owned()),
        &["url_path_prefix"],
    ),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_done_to_a_url_is_named(
        path in "(/[a-z0-9]{1,6}){1,3}",
        parameters in proptest::collection::vec("[a-z]{1,4}=([a-zA-Z0-9]|%20|%26|%2B){1,6}", 1..4),
        way in 0..WAYS.len(),
        version in prop_oneof![Just("v2"), Just("v3")],
    ) {
        let (name, change, words) = WAYS[way];
        let query = parameters.join("&");
        let (other_path, other_query) = change(&path, &query);
        prop_assume!((&other_path, &other_query) != (&path, &query));
        let signed = format!("https://hooks.example.com{path}?{query}");
        let received = format!("https://hooks.example.com{other_path}?{other_query}");
        let found = Trial::new(version, &signed, &received).words();
        prop_assert!(found.len() == 1 && words.contains(&found[0]), "{} {} {} {:?}", name, signed, received, found);
    }
}

#[test]
fn what_may_be_a_value_is_not_shown() {
    let signed = format!("{BASE}?secret-value&a=1");
    let fix = Trial::new("v3", &signed, &format!("{BASE}?a=1"))
        .header("X-Original-URI", "/hubspot?secret-value&a=1")
        .found()
        .unwrap()
        .remove(0)
        .1;
    assert!(fix.contains("a parameter without `=`"), "{fix}");
    assert!(!fix.contains("secret-value"), "{fix}");
}
