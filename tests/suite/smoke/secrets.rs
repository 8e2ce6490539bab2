//! What is said of secrets, and what is never shown of them.

use std::process::Command;

use crate::support::proxy::{BINARY, command, file};

#[test]
fn secrets_that_cannot_be_used_are_named_and_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let cases = [
        (
            directory.path().display().to_string(),
            "cannot read the secret file",
        ),
        (write("empty", b""), "the secret is empty"),
        (write("newline", b"\n"), "the secret is empty"),
        (
            write("windows", b"visible-secret\r\n"),
            "ends with a carriage return",
        ),
        (write("binary", b"visible-secret\xff"), "not UTF-8"),
        (
            write("mark", b"\xef\xbb\xbfvisible-secret\n"),
            "begins with a byte-order mark",
        ),
    ];
    for (path, words) in cases {
        let config = format!(
            "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[[route]]\nname = \"t\"\n\
             path = \"/t\"\nupstream = \"http://127.0.0.1:1\"\n[route.verify]\nscheme = \"twenty\"\n\
             secrets = [{{ id = \"s\", file = {path:?} }}]\n"
        );
        let (_guard, file) = file("hookward.toml", config);
        let file = file.to_str().unwrap();
        for subcommand in ["check", "run"] {
            let (code, out, error) = command(&[subcommand, "--config", file]);
            assert_eq!(code, 2, "{words}");
            let said = out + &error;
            assert!(
                said.contains(words) && said.contains("secret `s`"),
                "{said}"
            );
            assert!(!said.contains("visible"), "{said}");
        }
        assert_eq!(command(&["check", "--skip-secrets", "--config", file]).0, 0);
    }
}

#[test]
fn a_secret_at_the_wrong_place_is_not_shown() {
    for text in [
        "[[route]]\n[route.verify]\nsecrets = \"visible-secret\"\n",
        "[[route]]\n[route.verify]\nsecrets = [\"visible-secret\"]\n",
        "[[route]]\n[route.verify]\nsecrets = [{ id = \"a\", value = 314159265 }]\n",
        "[[route]]\n[route.verify]\nmax_age = \"visible-secret\"\n",
        "[[route]]\n[route.verify]\nsecrets = [{ id = \"a\", value = \"visible-secret }]\n",
        "secret = \"visible-secret",
        "[replay]\nurl = \"redis://me:visible-secret@127.0.0.1:6379/0\"\n",
        "[replay]\nstore = \"redis\"\nurl = \"redis://me:visible-secret@127.0.0.1:6379/0\"\n",
        "[replay]\nstore = \"redis\"\nurl = \"redis://me:visible-secret:127.0.0.1\"\n",
        "[replay]\nstore = \"redis\"\nurl = [\"redis://:visible-secret\"]\n",
        "[replay]\nstore = \"redis\"\nurl = \"127.0.0.1:visible-word\"\n",
        "[replay]\nurl: \"127.0.0.1:visible-word\"\n",
        "replay = { url = \"127.0.0.1:visible-word }\n",
        "store = \"redis\" url = \"unix:/r?user=me&pass=visible\"\n",
        "[replay]\nstore = \"redis\"\nurl = { a = \"redis://:visible-secret\" }\n",
        "[replay]\nstore = \"redis\"\nurl = 'unix:/r?pass=visible-secret\n",
        "[replay]\nstore = \"redis\"\nurll = \"redis://:visible-secret\"\n",
        "[replay]\nstore = \"redis://:visible-secret\"\n",
        "[replay]\nstore = \"redis:visible\"\n",
        "[replay]\nprefix = \"redis://:visible-secret@127.0.0.1\"\n",
        "[server]\nurl = \"redis://:visible-secret\"\n",
        "url = redis://:visible-secret\n",
        "replay = { store = \"redis\", url = \"redis://:visible-secret }\n",
        "replay = { store = \"redis\", uri = \"unix:/r?pass=visible-secret }\n",
    ] {
        let (_guard, path) = file("hookward.toml", text);
        let (code, out, error) = command(&["check", "--config", path.to_str().unwrap()]);
        assert_eq!(code, 2);
        assert!(!(out.clone() + &error).contains("visible"), "{out}{error}");
        assert!(!out.contains("314159265"), "{out}");
    }
}

#[test]
fn what_can_be_no_secret_is_shown() {
    let text = "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[[route]]\n\
                name = \"r\"\npath = \"/r\"\nupstream = \"http://127.0.0.1:1\"\n[route.verify]\n\
                scheme = \"tventy\"\nversions = [\"v3\"]\n\
                secrets = [{ id = \"2026\", env = \"HOOKWARD_NOT_SET\", not_after = \"2026-12-01T00:00:00Z\" }]\n";
    let (_guard, path) = file("hookward.toml", text);
    let (_, out, _) = command(&["check", "--config", path.to_str().unwrap()]);
    for line in [
        "scheme = \"tventy\"",
        "secrets = [{ id = \"2026\", env = \"HOOKWARD_NOT_SET\", not_after = \"2026-12-01T00:00:00Z\" }]",
    ] {
        assert!(out.contains(line), "{line} is not in\n{out}");
    }
}

/// A secret that was read from a file is masked wherever it was pasted, in lines and in messages.
#[test]
fn a_known_secret_is_shown_nowhere() {
    let (_secret, secret) = file("secret", "visiblesecretofanapp\n");
    let secret = secret.to_str().unwrap();
    let verify = format!(
        "[route.verify]\nscheme = \"twenty\"\nsecrets = [{{ id = \"a\", file = {secret:?} }}]\n"
    );
    let text = format!(
        "[server]\nlisten = [\"127.0.0.1:0\"]\nvisiblesecretofanapp = 1\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [[route]]\nname = \"visiblesecretofanapp\"\npath = \"/in/visiblesecretofanapp\"\n\
         upstream = \"http://127.0.0.1:1/visiblesecretofanapp\"\n{verify}\
         [[route]]\nname = \"visiblesecretofanapp\"\npath = \"/in/visiblesecretofanapp\"\n\
         upstream = \"visiblesecretofanapp\"\npublic_url = \"visiblesecretofanapp\"\n{verify}"
    );
    let (_guard, path) = file("hookward.toml", text);
    let path = path.to_str().unwrap();
    for arguments in [
        &["check", "--config", path][..],
        &["check", "--format", "json", "--config", path],
        &["run", "--config", path],
    ] {
        let (code, out, error) = command(arguments);
        assert_eq!(code, 2);
        let said = out + &error;
        assert!(said.contains("another route has the path"), "{said}");
        assert!(!said.contains("visible"), "{said}");
    }
}

/// The same for a password that the URL of a store has in it.
#[test]
fn the_password_of_a_store_is_shown_nowhere() {
    let route = "[[route]]\nname = \"r\"\npath = \"/in/visibleSecret\"\nupstream = \"http://127.0.0.1:1\"\n\
                 [route.verify]\nscheme = \"twenty\"\nsecrets = [{ id = \"a\", env = \"NOT_SET\" }]\n";
    let redis = "[replay]\nstore = \"redis\"\ntimeout = \"1h\"";
    let nats = "[spool]\nstore = \"nats\"\nreplicas = 9";
    for (table, url) in [
        (redis, "redis://me:visible%53ecret@10.0.0.1:6379/0"),
        (redis, "redis+cluster://:visible%53ecret@10.0.0.1,10.0.0.2"),
        (redis, "redis+sentinel://me:visible%53ecret@10.0.0.1/main"),
        (redis, "unix:///run/redis.sock?pass=visible%53ecret"),
        (nats, "nats://me:visible%53ecret@10.0.0.1:4222,10.0.0.2"),
        (
            nats,
            "tls://visible%53ecret@10.0.0.1,tls://visibleSecret@10.0.0.2",
        ),
    ] {
        let text = format!(
            "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             {table}\nurl = {url:?}\n{route}{route}"
        );
        let (_guard, path) = file("hookward.toml", text);
        let path = path.to_str().unwrap();
        for arguments in [
            &["check", "--config", path][..],
            &["check", "--format", "json", "--config", path],
            &["check", "--skip-secrets", "--config", path],
            &["run", "--config", path],
            &["doctor", "--config", path],
        ] {
            let (_, out, error) = command(arguments);
            let said = out + &error;
            assert!(said.contains("another route has the path"), "{said}");
            for spelling in ["visible%53ecret", "visibleSecret"] {
                assert!(!said.contains(spelling), "{url}: {said}");
            }
        }
    }
}

#[test]
fn the_environment_says_whether_findings_are_in_colour() {
    let (_guard, path) = file("hookward.toml", "threads = 1\n");
    let is_coloured = |subcommand: &str, variables: &[(&str, &str)]| {
        let mut command = Command::new(BINARY);
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        let output = command
            .args([subcommand, "--config", path.to_str().unwrap()])
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(!said.is_empty());
        said.contains(&0x1b)
    };
    for subcommand in ["check", "run"] {
        assert!(!is_coloured(subcommand, &[]), "no terminal");
        assert!(is_coloured(subcommand, &[("CLICOLOR_FORCE", "1")]));
        let both = [("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")];
        assert!(!is_coloured(subcommand, &both));
        assert!(!is_coloured(subcommand, &[("CLICOLOR", "0")]));
    }
}
