//! The library alone stays small: an app that verifies in itself does not get the proxy's dependencies.

use std::collections::BTreeSet;
use std::process::Command;

use crate::support::proxy::project;

/// All that it may depend on. Before adding one: can the feature `proxy` have it instead?
const EXPECTED: [&str; 31] = [
    "base64",
    "block-buffer",
    "bytes",
    "cfg-if",
    "cmov",
    "const-oid",
    "cpufeatures",
    "crypto-common",
    "ctutils",
    "digest",
    "getrandom",
    "hex",
    "hmac",
    "http",
    "hybrid-array",
    "itoa",
    "libc",
    "memchr",
    "proc-macro2",
    "quote",
    "ring",
    "secrecy",
    "sha2",
    "subtle",
    "syn",
    "thiserror",
    "thiserror-impl",
    "typenum",
    "unicode-ident",
    "untrusted",
    "zeroize",
];

/// Of these, what runs in the compiler alone.
const MAKE_MACROS: [&str; 5] = [
    "proc-macro2",
    "quote",
    "syn",
    "thiserror-impl",
    "unicode-ident",
];

/// The names of the crates that are built into the library with these arguments, itself left out.
fn dependencies(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--edges", "normal", "--prefix", "none"])
        .args(["--locked", "--offline", "--manifest-path"])
        .arg(project("Cargo.toml"))
        .args(arguments)
        .output()
        .unwrap();
    let failure = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{failure}");
    let listed = String::from_utf8(output.stdout).unwrap();
    let names = listed.lines().filter_map(|line| line.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "hookward");
    names.map(str::to_owned).collect()
}

#[test]
fn the_library_alone_depends_on_a_handful_of_crates() {
    let found = dependencies(&["--no-default-features"]);
    assert!(found.contains("hmac"), "{found:?}");
    let expected = BTreeSet::from(EXPECTED.map(str::to_owned));
    let unexpected: Vec<_> = found.difference(&expected).collect();
    assert!(
        unexpected.is_empty(),
        "not for verification: {unexpected:?}"
    );
    let page = std::fs::read_to_string(project("docs/library.md")).unwrap();
    let (made, making) = found
        .iter()
        .partition::<Vec<_>, _>(|name| !MAKE_MACROS.contains(&name.as_str()));
    let counted = format!(
        "{} crates, and {} that only make macros",
        made.len(),
        making.len()
    );
    assert!(page.contains(&counted), "docs/library.md: {counted}");
}

/// The list above would say nothing if crates were called otherwise here.
#[test]
fn the_program_has_what_the_library_must_not_have() {
    let found = dependencies(&[]);
    for heavy in ["pingora", "tokio", "rustls", "clap", "serde"] {
        assert!(found.contains(heavy), "{heavy}");
        assert!(!EXPECTED.contains(&heavy), "{heavy}");
    }
}
