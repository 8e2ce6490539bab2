//! The commands that the documentation names are there, with the options that it gives them.

use std::collections::HashMap;
use std::process::Command;

use super::{page, pages, split};
use crate::support::proxy::{BINARY, command};

/// No configuration: what is understood stops there.
const NOWHERE: &str = "/does/not/exist/hookward.toml";

/// The command lines of a page's `sh` examples, without comments: what `&&`, `;` and pipes join is apart.
fn lines(text: &str) -> Vec<String> {
    let (blocks, _) = split(text);
    let mut commands = Vec::new();
    for block in blocks.iter().filter(|block| block.language() == "sh") {
        let mut whole = String::new();
        for line in block.text.lines() {
            // A `#` that begins a word begins a comment.
            let line = if line.trim_start().starts_with('#') {
                ""
            } else {
                line.split(" #").next().unwrap().trim()
            };
            whole += line.trim_end_matches('\\');
            if !line.ends_with('\\') {
                let parts = whole.split("&&").flat_map(|part| part.split([';', '|']));
                commands.extend(parts.map(|part| part.trim().to_owned()));
                whole.clear();
            }
        }
    }
    commands.retain(|command| !command.is_empty());
    commands
}

/// The arguments with which a command line calls the program: by its name, or as a container.
fn arguments(line: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let words = match words.strip_prefix(&["sudo"]) {
        Some(["-u", _, words @ ..]) => words,
        Some(words) => words,
        None => &words[..],
    };
    let is_program = |word: &str| word == "hookward" || word.ends_with("/hookward");
    let first = *words.first()?;
    let place = if is_program(first) {
        0
    } else if ["docker", "podman"].contains(&first) && words.get(1) == Some(&"run") {
        let image =
            |word: &&str| word.starts_with("localhost/hookward") || word.starts_with("hookward:");
        words.iter().rposition(image)?
    } else {
        return None;
    };
    let is_ours = |word: &&&str| !word.starts_with(['>', '<', '&']) && !word.starts_with("2>");
    let arguments = words[place + 1..].iter().take_while(is_ours).copied();
    Some(arguments.collect())
}

#[test]
fn the_examples_are_understood() {
    let mut count = 0;
    for page in pages() {
        for example in lines(&page.text) {
            let Some(arguments) = arguments(&example) else {
                continue;
            };
            // A container does what its image says.
            let Some(&subcommand) = arguments.first() else {
                continue;
            };
            let mut program = Command::new(BINARY);
            let answers_at_once = ["--version", "demo", "schema", "completions", "man"];
            let answers_at_once = answers_at_once.contains(&subcommand);
            if answers_at_once {
                program.args([subcommand, "--help"]);
            } else {
                let nowhere = |word: &&str| word.replace("/etc/hookward/hookward.toml", NOWHERE);
                program.args(arguments.iter().map(nowhere));
            }
            // With a scheme it is without a configuration.
            if example.contains("--scheme") {
                program.env_remove("HOOKWARD_CONFIG");
            } else {
                program.env("HOOKWARD_CONFIG", NOWHERE);
            }
            let output = program.output().unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            let at = format!("{}: {example}: {error}", page.name);
            // What is said of a command line that is not understood.
            assert!(!error.starts_with("error:"), "{at}");
            assert_eq!(output.status.success(), answers_at_once, "{at}");
            count += 1;
        }
    }
    assert!(count > 25, "{count}");
}

#[test]
fn the_targets_of_make_are_there() {
    let makefile = page("Makefile");
    let mut count = 0;
    for page in pages() {
        let (_, prose) = split(&page.text);
        let spans = prose
            .iter()
            .flat_map(|(_, line)| line.split('`').skip(1).step_by(2));
        let all = lines(&page.text)
            .into_iter()
            .chain(spans.map(str::to_owned));
        for line in all {
            let mut words = line.split_whitespace();
            if words.next() != Some("make") {
                continue;
            }
            let is_target = |word: &&str| !word.starts_with('-') && !word.contains(['=', '"', '…']);
            for target in words.take_while(is_target) {
                let rule = format!("\n{target}:");
                assert!(makefile.contains(&rule), "{}: make {target}", page.name);
                count += 1;
            }
        }
    }
    assert!(count > 10, "{count}");
}

#[test]
fn the_commands_in_the_text_have_the_options_that_it_names() {
    let mut helps: HashMap<String, String> = HashMap::new();
    for page in pages() {
        let (_, prose) = split(&page.text);
        for (number, line) in prose {
            for span in line.split('`').skip(1).step_by(2) {
                let mut words = span.split_whitespace();
                if words.next() != Some("hookward") {
                    continue;
                }
                let Some(subcommand) = words.next() else {
                    continue;
                };
                // Of a command that has commands of its own, theirs.
                let mut line = vec![subcommand];
                if subcommand == "spool" {
                    line.extend(words.next());
                }
                let at = format!("{}:{number}: {span}", page.name);
                let help = helps.entry(line.join(" ")).or_insert_with(|| {
                    line.push("--help");
                    let (code, out, error) = command(&line);
                    assert_eq!(code, 0, "{at}: {error}");
                    out
                });
                for option in words.filter(|word| word.starts_with("--")) {
                    assert!(help.contains(option), "{at}: no {option}");
                }
            }
        }
    }
    assert!(helps.contains_key("explain") && helps.contains_key("resend"));
}

#[test]
fn a_call_is_found_in_whatever_way_it_is_made() {
    for (line, found) in [
        (
            "hookward check --skip-secrets",
            Some("check --skip-secrets"),
        ),
        ("sudo hookward run", Some("run")),
        ("sudo -u hookward hookward doctor", Some("doctor")),
        ("target/release/hookward run > log 2>&1 &", Some("run")),
        (
            "docker run --rm -v a:b localhost/hookward check",
            Some("check"),
        ),
        ("docker run hookward:VERSION", Some("")),
        (
            "sudo install -m 755 target/release/hookward /usr/local/bin",
            None,
        ),
        ("journalctl -u hookward", None),
    ] {
        let arguments = arguments(line).map(|words| words.join(" "));
        assert_eq!(arguments.as_deref(), found, "{line}");
    }
    let text = "```sh\na && hookward \\\n  run # b\n```\n```toml\nhookward x\n```\n";
    assert_eq!(lines(text), ["a", "hookward run"]);
}
