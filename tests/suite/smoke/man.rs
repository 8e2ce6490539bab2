//! The manual page names every command, and those who show manual pages have nothing to say against it.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::proxy::command;

fn page() -> String {
    let (code, page, error) = command(&["man"]);
    assert_eq!((code, &*error), (0, ""));
    page
}

/// What a program says of a page on its standard input; `None` where the program is not there.
fn said_by(program: &str, arguments: &[&str], page: &str) -> Option<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    // Ended at the end of the block, so that the program reads its end.
    {
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(page.as_bytes()).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    // The linter of mandoc writes to standard output, groff's warnings are on standard error.
    let said = if program == "mandoc" {
        output.stdout
    } else {
        output.stderr
    };
    Some(String::from_utf8(said).unwrap())
}

#[test]
fn the_manual_page_names_every_command_with_its_options() {
    let page = page().replace("\\-", "-");
    let (_, help, _) = command(&["--help"]);
    let commands = help.split_once("Commands:\n").unwrap().1;
    let commands = commands.split("\n\n").next().unwrap().lines();
    // The description of a command goes on in lines that are indented further.
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<&str> = names
        .filter(|name| !["", "help", "spool"].contains(name))
        .collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let heading = format!(".SS \"hookward {name}\"\n");
        let (_, section) = page
            .split_once(&heading)
            .unwrap_or_else(|| panic!("no section {heading}"));
        let section = section.split("\n.S").next().unwrap();
        let (_, help, _) = command(&[name, "--help"]);
        let options = help.lines().filter_map(|line| {
            let (_, option) = line.split_once("--")?;
            line.trim_start()
                .starts_with('-')
                .then(|| option.split([' ', ',']).next().unwrap_or_default())
        });
        for option in options.filter(|option| *option != "help") {
            assert!(
                section.contains(&format!("--{option}")),
                "{name} --{option} is not in {section}"
            );
        }
    }
    for name in ["list", "show", "retry", "drop"] {
        assert!(page.contains(&format!(".SS \"hookward spool {name}\"\n")));
    }
    for section in ["EXIT STATUS", "SIGNALS", "FILES", "ENVIRONMENT"] {
        assert!(
            page.contains(&format!(".SH \"{section}\"\n"))
                || page.contains(&format!(".SH {section}\n"))
        );
    }
}

#[test]
fn those_who_show_manual_pages_warn_of_nothing_in_it() {
    let page = page();
    for (program, arguments) in [
        ("groff", &["-man", "-wall", "-z", "-Tutf8"][..]),
        ("mandoc", &["-T", "lint", "-W", "warning"]),
    ] {
        if let Some(said) = said_by(program, arguments, &page) {
            assert_eq!(said, "", "{program}");
        }
    }
}
