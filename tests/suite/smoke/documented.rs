//! The commands that the documentation names are there, with the options that it gives them.

use std::collections::HashMap;
use std::process::Command;

use crate::support::proxy::{BINARY, command, project};

/// No configuration: what is understood stops there.
const NOWHERE: &str = "/does/not/exist/hookward.toml";

fn pages() -> Vec<(String, String)> {
    let mut pages = Vec::new();
    for folder in ["docs", "."] {
        for entry in std::fs::read_dir(project(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|found| found == "md") {
                let text = std::fs::read_to_string(&path).unwrap();
                pages.push((path.display().to_string(), text));
            }
        }
    }
    assert!(pages.len() > 5);
    pages
}

/// The lines of a page's `sh` examples that call the program, without comments.
fn examples(page: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_in = false;
    let mut line = String::new();
    for text in page.lines().map(str::trim) {
        if text.starts_with("```") {
            is_in = text == "```sh";
        } else if is_in {
            let text = text.split('#').next().unwrap().trim();
            line += text.trim_end_matches('\\');
            if !text.ends_with('\\') {
                lines.push(std::mem::take(&mut line));
            }
        }
    }
    lines.retain(|line| line.starts_with("hookward "));
    lines
}

#[test]
fn the_examples_are_understood() {
    let mut count = 0;
    for (name, page) in pages() {
        for example in examples(&page) {
            let example = example.replace("/etc/hookward/hookward.toml", NOWHERE);
            let mut program = Command::new(BINARY);
            program.args(example.split_whitespace().skip(1));
            // With a scheme it is without a configuration.
            if example.contains("--scheme") {
                program.env_remove("HOOKWARD_CONFIG");
            } else {
                program.env("HOOKWARD_CONFIG", NOWHERE);
            }
            let output = program.output().unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            // What is said of a command line that is not understood.
            assert!(!error.starts_with("error:"), "{name}: {example}: {error}");
            assert!(!output.status.success(), "{name}: {example}");
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
}

#[test]
fn the_commands_in_the_text_have_the_options_that_it_names() {
    let mut helps: HashMap<String, String> = HashMap::new();
    for (name, page) in pages() {
        for span in page.split('`').skip(1).step_by(2) {
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
            let help = helps.entry(line.join(" ")).or_insert_with(|| {
                line.push("--help");
                let (code, out, error) = command(&line);
                assert_eq!(code, 0, "{name}: {span}: {error}");
                out
            });
            for option in words.filter(|word| word.starts_with("--")) {
                assert!(help.contains(option), "{name}: {span}: no {option}");
            }
        }
    }
    assert!(helps.contains_key("explain") && helps.contains_key("resend"));
}
