use super::testing::Trial;

const PUBLIC: &str = "https://hooks.example.com/hubspot/crm?x=1";

/// A word, what was received for `PUBLIC`, and a header that tells of it.
type Row = (&'static str, &'static str, Header);
type Header = Option<(&'static str, &'static str)>;

#[track_caller]
fn check(rows: &[Row]) {
    for version in ["v2", "v3"] {
        for (word, url, header) in rows {
            let mut trial = Trial::new(version, PUBLIC, url);
            if let Some((name, value)) = header {
                trial = trial.header(name, value);
            }
            assert_eq!(trial.words(), [*word], "{version} {url} {header:?}");
        }
    }
}

#[test]
fn schemes_hosts_and_ports_are_found() {
    check(&[
        (
            "url_scheme",
            "http://hooks.example.com/hubspot/crm?x=1",
            None,
        ),
        (
            "url_host",
            "https://app.internal/hubspot/crm?x=1",
            Some(("X-Forwarded-Host", "a.example, hooks.example.com")),
        ),
        (
            "url_host",
            "https://app.internal/hubspot/crm?x=1",
            Some((
                "Forwarded",
                "for=1.2.3.4;Host=\"hooks.example.com:443\", for=\"[::1]\"",
            )),
        ),
        (
            "url_host",
            "https://app.internal/hubspot/crm?x=1",
            Some(("X-Original-Host", "hooks.example.com")),
        ),
        (
            "url_host",
            "https://app.internal:3000/hubspot/crm?x=1",
            Some(("Host", "hooks.example.com")),
        ),
        (
            "url_host",
            "https://app.internal/hubspot/crm?x=1",
            Some((
                "X-Original-URL",
                "https://hooks.example.com/hubspot/crm?x=1",
            )),
        ),
        (
            "url_host",
            "https://www.hooks.example.com/hubspot/crm?x=1",
            None,
        ),
        (
            "url_host",
            "https://hooks.example.com./hubspot/crm?x=1",
            None,
        ),
        (
            "url_host",
            "https://Hooks.Example.com/hubspot/crm?x=1",
            None,
        ),
        (
            "url_port",
            "https://hooks.example.com:443/hubspot/crm?x=1",
            None,
        ),
        (
            "url_port",
            "https://hooks.example.com:8443/hubspot/crm?x=1",
            None,
        ),
    ]);
}

#[test]
fn hosts_and_ports_that_were_signed_are_found() {
    for (word, signed, received) in [
        (
            "url_host",
            "https://www.example.com/h",
            "https://example.com/h",
        ),
        (
            "url_host",
            "https://Hooks.example.com/h",
            "https://hooks.example.com/h",
        ),
        (
            "url_port",
            "https://hooks.example.com:443/h",
            "https://hooks.example.com/h",
        ),
        (
            "url_port",
            "http://hooks.example.com:80/h",
            "http://hooks.example.com/h",
        ),
        (
            "url_port",
            "https://hooks.example.com:8443/h",
            "https://hooks.example.com/h",
        ),
        (
            "url_port",
            "https://hooks.example.com:8080/h",
            "https://hooks.example.com/h",
        ),
        ("url_host", "/h", "https://hooks.example.com/h"),
    ] {
        let trial = Trial::new("v3", signed, received)
            .header("Host", "Hooks.example.com:8443")
            .header("X-Forwarded-Port", "8080");
        assert_eq!(trial.words(), [word], "{signed}");
    }
}

#[test]
fn configured_hosts_are_found() {
    let hosts = |change: fn(&mut Trial)| {
        let mut trial = Trial::new("v3", PUBLIC, "https://app.internal/hubspot/crm?x=1");
        change(&mut trial);
        trial.words()
    };
    assert_eq!(
        hosts(|trial| trial.public_hosts = vec!["hooks.example.com"]),
        ["url_host"]
    );
    assert_eq!(
        hosts(|trial| trial.public_url = Some("https://hooks.example.com")),
        ["url_host"]
    );
    assert_eq!(
        hosts(|trial| trial.other_urls = vec!["http://hooks.example.com/other"]),
        ["url_host"]
    );
    assert!(hosts(|_| ()).is_empty());
}

#[test]
fn paths_are_found() {
    check(&[
        (
            "url_path_prefix",
            "https://hooks.example.com/crm?x=1",
            Some(("X-Forwarded-Prefix", "/hubspot/")),
        ),
        (
            "url_path_prefix",
            "https://hooks.example.com/crm?x=1",
            Some(("X-Original-URI", "/hubspot/crm?x=1")),
        ),
        (
            "url_path_prefix",
            "https://hooks.example.com/other?x=1",
            Some(("X-Envoy-Original-Path", "/hubspot/crm?x=1")),
        ),
        (
            "url_path_prefix",
            "https://hooks.example.com/api/v1/hubspot/crm?x=1",
            None,
        ),
        (
            "url_path_prefix",
            "https://hooks.example.com/in/crm?x=1",
            Some(("X-Forwarded-Prefix", "/hubspot")),
        ),
        (
            "url_trailing_slash",
            "https://hooks.example.com/hubspot/crm/?x=1",
            None,
        ),
        (
            "url_trailing_slash",
            "https://hooks.example.com//hubspot/crm?x=1",
            None,
        ),
        (
            "url_path_case",
            "https://hooks.example.com/HubSpot/CRM?x=1",
            None,
        ),
        (
            "url_path_case",
            "https://hooks.example.com/HUBSPOT/crm?x=1",
            Some(("X-Original-URI", "/hubspot/crm?x=1")),
        ),
    ]);
}

#[test]
fn paths_that_were_signed_are_found() {
    for (word, signed, received) in [
        (
            "url_path_prefix",
            "https://a.example/hooks/crm/x",
            "https://a.example/x",
        ),
        (
            "url_path_prefix",
            "https://a.example/Hooks/x",
            "https://a.example/x",
        ),
        (
            "url_path_prefix",
            "https://a.example/webhook/x",
            "https://a.example/x",
        ),
        (
            "url_path_prefix",
            "https://a.example/Prod/x",
            "https://a.example/x",
        ),
        (
            "url_path_prefix",
            "https://a.example/hubspot/x",
            "https://a.example/x",
        ),
        (
            "url_path_prefix",
            "https://a.example/api/v1/y",
            "https://a.example/internal/y",
        ),
        (
            "url_path_prefix",
            "https://a.example/.netlify/functions/x",
            "https://a.example/x",
        ),
        (
            "url_path_prefix",
            "https://a.example/base/x",
            "https://a.example/x",
        ),
        (
            "url_path_prefix",
            "https://a.example",
            "https://a.example/x",
        ),
        (
            "url_trailing_slash",
            "https://a.example/x/",
            "https://a.example/x",
        ),
        (
            "url_trailing_slash",
            "https://a.example",
            "https://a.example/",
        ),
        (
            "url_trailing_slash",
            "https://a.example/x//y",
            "https://a.example/x/y",
        ),
        (
            "url_path_case",
            "https://a.example/Hooks/Crm/x",
            "https://a.example/hooks/crm/x",
        ),
        (
            "url_path_case",
            "https://a.example/in/HubSpot",
            "https://a.example/in/hubspot",
        ),
    ] {
        let mut trial = Trial::new("v3", signed, received);
        trial.path = "/hooks/crm/*";
        trial.public_url = Some("https://a.example/Hooks/Crm");
        trial.other_urls = vec!["https://a.example/base"];
        assert_eq!(trial.words(), [word], "{signed}");
    }
}

#[test]
fn two_mistakes_are_found_together() {
    let trial = Trial::new("v3", PUBLIC, "http://app.internal:3000/crm?x=1")
        .header("X-Forwarded-Host", "hooks.example.com")
        .header("X-Forwarded-Prefix", "/hubspot");
    assert!(trial.words().is_empty(), "three are one too many");
    let trial = Trial::new("v3", PUBLIC, "http://app.internal:3000/hubspot/crm?x=1")
        .header("X-Forwarded-Host", "hooks.example.com");
    assert_eq!(trial.words(), ["url_scheme", "url_host"]);
    let fixes = trial.found().unwrap();
    let line = "public_url = \"https://hooks.example.com\"";
    assert!(fixes.iter().all(|(_, fix)| fix.contains(line)), "{fixes:?}");
    let trial = Trial::new("v2", PUBLIC, "https://hooks.example.com/crm/?x=1")
        .header("X-Forwarded-Prefix", "/hubspot");
    assert_eq!(trial.words(), ["url_path_prefix", "url_trailing_slash"]);
}

#[test]
fn fixes_name_the_line_or_the_setting() {
    let fix = |trial: &Trial| trial.found().unwrap().remove(0).1;
    let mut trial = Trial::new("v3", PUBLIC, "http://hooks.example.com/hubspot/crm?x=1");
    trial.public_url = Some("http://hooks.example.com");
    let line = "in [[route]] name = \"crm\": public_url = \"https://hooks.example.com\"";
    assert!(fix(&trial).contains(line), "{}", fix(&trial));
    trial.public_url = None;
    assert!(fix(&trial).contains("X-Forwarded-Proto"), "{}", fix(&trial));

    // With a path, `public_url` stands for the path of the route.
    let mut trial = Trial::new("v3", PUBLIC, "https://hooks.example.com/in/crm?x=1");
    (trial.path, trial.target) = ("/in/*", Some("/in/crm?x=1"));
    trial.other_urls = vec!["https://hooks.example.com/hubspot"];
    let line = "public_url = \"https://hooks.example.com/hubspot\"";
    assert!(fix(&trial).contains(line), "{}", fix(&trial));
    assert!(!fix(&trial).contains("x=1"), "{}", fix(&trial));
}

#[test]
fn a_sender_does_not_choose_how_many_urls_are_tried() {
    let url = "https://hooks.example.com/hubspot/crm?x=1";
    let mut trial = Trial::new("v2", "https://a.example/", url);
    let none = trial.tried_urls();
    for number in 0..256 {
        trial = trial.header("X-Original-URI", &format!("/a{number}?b={number}"));
    }
    let many = trial.tried_urls();
    assert!(many > none && many < none + 200, "{none} {many}");
}
