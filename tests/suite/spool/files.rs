//! What is stored is for its owner alone, and has no more of a request than the app would have received.

use std::os::unix::fs::PermissionsExt;

use super::{ALWAYS, Directory, Fickle, ON_FAILURE, Says, assert_stored, only, wait_for_none};
use crate::support::client::Request;
use crate::support::proxy::BINARY;
use crate::support::sign::{Kind, SECRET};

/// Says that it cannot take anything for an hour.
fn failing() -> Fickle {
    Fickle::saying(Says::with(503, "Retry-After: 3600\r\n"))
}

/// Every file of the spool, and what is in it.
fn files(directory: &Directory) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(&directory.path).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let content = std::fs::read(&path).unwrap();
            (path, content)
        })
        .collect()
}

fn contain(directory: &Directory, text: &str) -> bool {
    let mut all = files(directory).into_iter();
    all.any(|(_, content)| {
        let mut windows = content.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    })
}

#[test]
fn files_are_for_their_owner_alone() {
    let app = failing();
    let directory = Directory::new();
    let mut shell = std::process::Command::new("sh");
    // Whatever the user lets others do by default.
    shell.args(["-c", "umask 000; exec \"$0\" \"$@\"", BINARY]);
    let config = directory.routes(app.url(), ON_FAILURE);
    let proxy = crate::support::proxy::Proxy::spawn_listening(
        shell,
        "listen = [\"127.0.0.1:0\"]\n",
        "",
        &config,
    );
    assert_stored(&proxy.send(&Kind::Twenty.request(b"{}")));
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&directory.path), 0o700);
    let all = files(&directory);
    let names: Vec<_> = all
        .iter()
        .map(|(path, _)| path.file_name().unwrap())
        .collect();
    for name in ["spool.db", "spool.db-wal", "spool.lock", "delivering.lock"] {
        assert!(
            names.iter().any(|found| *found == name),
            "{name}: {names:?}"
        );
    }
    for (path, _) in &all {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_key_that_the_app_does_not_get_to_see_is_not_stored() {
    let app = failing();
    let directory = Directory::new();
    let proxy = directory.start(app.url(), ON_FAILURE);
    for kind in [Kind::KeyHeader, Kind::KeyQuery] {
        let request = kind
            .request(b"a body to look for")
            .header("X-Own", "a header");
        assert_stored(&proxy.send(&request));
    }
    // Where it would be found, if it was there.
    assert!(contain(&directory, "a body to look for") && contain(&directory, "a header"));
    assert!(!contain(&directory, SECRET));
}

#[test]
fn a_key_that_the_app_gets_to_see_is_stored_and_not_listed() {
    let app = failing();
    let directory = Directory::new();
    let keys = ON_FAILURE;
    let config = directory
        .routes(app.url(), keys)
        .replace("query = \"api_key\"", "query = \"api_key\"\nstrip = false");
    let proxy = crate::support::proxy::Proxy::start("", &config);
    assert_stored(&proxy.send(&Kind::KeyQuery.request(b"{}")));
    assert!(contain(&directory, SECRET));
    assert!(!only(&proxy).to_string().contains(SECRET));
    assert!(!proxy.log().concat().contains(SECRET));
}

#[test]
fn what_is_delivered_is_gone_and_what_is_no_spool_is_set_aside() {
    let app = Fickle::answering(200);
    let directory = Directory::new();
    std::fs::create_dir(&directory.path).unwrap();
    std::fs::write(directory.path.join("spool.db"), "no database").unwrap();
    let proxy = directory.start(app.url(), ALWAYS);
    let line = proxy.logged("spool_set_aside", |_| true);
    let aside = files(&directory)
        .into_iter()
        .find(|(path, _)| path.to_string_lossy().contains("spool.db.set-aside-"));
    let (path, content) = aside.unwrap();
    assert_eq!(content, b"no database");
    assert!(line.to_string().contains(path.to_str().unwrap()), "{line}");
    assert_stored(&proxy.send(&Request {
        target: "/twenty".to_owned(),
        ..Kind::Twenty.request(b"{}")
    }));
    wait_for_none(&proxy, "twenty");
    app.next();
    app.assert_nothing_more();
}
