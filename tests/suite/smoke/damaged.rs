//! However a configuration is damaged, findings have their places, can be shown, and show no secret.

use hookward::config::{Options, Secrets, Source, read};
use hookward::providers::Providers;
use proptest::prelude::*;

const SECRET: &str = "visiblesecretofanapp";

const SOUND: &str = r#"# An old one: visiblesecretofanapp
[server]
listen = ["127.0.0.1:0"]
[admin]
listen = "127.0.0.1:0"
[replay]
store = "redis"
url = "redis://me:visiblesecretofanapp@127.0.0.1:6379/0"
prefix = "hooks:"
[spool]
store = "nats"
url = "nats://me:visiblesecretofanapp@127.0.0.1:4222,127.0.0.1:4223"
stream = "HOOKS"
[[route]]
name = "hubspot"
path = "/hubspot/*"
upstream = "http://127.0.0.1:3000"
public_url = "https://hooks.example.com/čaj"
[route.verify]
scheme = "hubspot"
versions = ["v3"]
secrets = [
  { id = "a", value = "visiblesecretofanapp" },
  { id = "b", value = 'visiblesecretofanapp', not_after = "2099-01-01T00:00:00Z" },
]
[[route]]
name = "key"
path = "/key"
upstream = "unix:/run/app.sock"
[route.verify]
scheme = "api-key"
header = "X-Api-Key"
secrets = [{ id = "a", value = """visiblesecretofanapp""" }, { value = "visiblesecretofanapp" }]
"#;

/// What is put in the place of a few bytes.
const PIECES: [&str; 16] = [
    "", "\"", "'", "\"\"\"", "[", "]", "{", "}", "=", "\n", "\r\n", "#", ",", ".", "é", "x",
];

/// Where bytes are replaced, how many, and by what.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, prop::sample::Index)>> {
    let one = (
        any::<prop::sample::Index>(),
        0..4_usize,
        any::<prop::sample::Index>(),
    );
    prop::collection::vec(one, 1..4)
}

fn damaged(damage: &[(prop::sample::Index, usize, prop::sample::Index)]) -> String {
    let mut text = SOUND.to_owned();
    for (place, count, piece) in damage {
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let first = place.index(starts.len());
        let end = starts.get(first + count).copied().unwrap_or(text.len());
        text.replace_range(starts[first]..end, PIECES[piece.index(PIECES.len())]);
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_is_explained_without_its_secrets(damage in damage()) {
        let text = damaged(&damage);
        let options = Options { secrets: Secrets::Read, providers: Providers::known() };
        let loaded = read("damaged.toml", &text, options);
        let source = Source::new("damaged.toml", &loaded.text);
        let mut last = (0, 0);
        for finding in &loaded.findings {
            prop_assert!((finding.line, finding.column) >= last, "{:?}", finding);
            last = (finding.line, finding.column);
            let line = text.split('\n').nth(finding.line - 1);
            let line = line.expect("a line of the file");
            prop_assert!(finding.column <= line.chars().count() + 1, "{:?}", finding);
            let shown = source.render(finding, false) + &finding.to_string();
            // What is left of it when it was cut in two.
            for part in [&SECRET[..9], &SECRET[10..]] {
                prop_assert!(!shown.contains(part), "{}\n{}", shown, text);
            }
        }
    }
}
