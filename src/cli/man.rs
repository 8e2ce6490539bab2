//! `hookward man`: the manual page. What the commands take comes from the same declarations as their `--help`.

use std::io::{self, Write};

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{Cli, Failure};

/// A section of pairs: a word, and what it means.
struct Section {
    heading: &'static str,
    pairs: &'static [(&'static str, &'static str)],
}

const SECTIONS: &[Section] = &[
    Section {
        heading: "EXIT STATUS",
        pairs: &[
            ("0", "Done."),
            ("1", "It ran and failed."),
            ("2", "The command line or the configuration is wrong."),
        ],
    },
    Section {
        heading: "SIGNALS",
        pairs: &[
            (
                "SIGTERM",
                "Stop: accept nothing more, and let requests in flight end within server.shutdown_grace.",
            ),
            ("SIGINT", "Stop at once."),
            (
                "SIGHUP",
                "Reload the configuration. If it has errors, the last one stays in use.",
            ),
            (
                "SIGQUIT",
                "Start the program now installed as the successor, as hookward upgrade does.",
            ),
        ],
    },
    Section {
        heading: "FILES",
        pairs: &[
            (
                "/etc/hookward/hookward.toml",
                "The configuration, where no other is named.",
            ),
            (
                "/var/lib/hookward",
                "Where the configuration has events wait for their app, or refused requests kept, by convention.",
            ),
            (
                "/run/hookward",
                "server.pid_file, server.upgrade_socket and Unix sockets, by convention.",
            ),
        ],
    },
    Section {
        heading: "ENVIRONMENT",
        pairs: &[
            (
                "HOOKWARD_CONFIG",
                "The configuration file, where --config is not given.",
            ),
            (
                "LISTEN_FDS",
                "Sockets that the service manager hands over; see sd_listen_fds(3).",
            ),
            (
                "NOTIFY_SOCKET",
                "Where the service manager is told how things are; see sd_notify(3).",
            ),
            (
                "NO_COLOR",
                "Where it is set, and not empty, nothing is printed in colour.",
            ),
        ],
    },
];

pub(super) fn man() -> Result<(), Failure> {
    let page = page().map_err(Failure::failed)?;
    io::stdout()
        .lock()
        .write_all(&page)
        .map_err(Failure::failed)
}

fn page() -> io::Result<Vec<u8>> {
    let program = Cli::command().disable_help_subcommand(true);
    let man = Man::new(program.clone())
        .title("HOOKWARD")
        .date(env!("HOOKWARD_DATE"))
        .source(concat!("hookward ", env!("CARGO_PKG_VERSION")))
        .manual("hookward");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut page = String::from_utf8(page).map_err(io::Error::other)?;
    page.push_str(".SH COMMANDS\n");
    commands(&mut page, "hookward", &program)?;
    for section in SECTIONS {
        let mut roff = Roff::new();
        roff.control("SH", [section.heading]);
        for (word, meaning) in section.pairs {
            roff.control("TP", []);
            roff.text([bold(*word)]);
            roff.text([roman(*meaning)]);
        }
        page.push_str(&roff.to_roff());
    }
    Ok(page.into_bytes())
}

/// The subcommands of `command`, which is called `name`, and theirs.
fn commands(page: &mut String, name: &str, command: &Command) -> io::Result<()> {
    for command in command.get_subcommands() {
        let name = format!("{name} {}", command.get_name());
        if command.has_subcommands() {
            commands(page, &name, command)?;
            continue;
        }
        let mut heading = Roff::new();
        heading.control("SS", [&*name]);
        page.push_str(&heading.to_roff());
        // Each has --help: that is said once, of the program.
        let command = command.clone().bin_name(&name).disable_help_flag(true);
        let has_arguments = command.get_arguments().next().is_some();
        let man = Man::new(command);
        append(page, |out| man.render_synopsis_section(out))?;
        page.push_str(".PP\n");
        append(page, |out| man.render_description_section(out))?;
        if has_arguments {
            append(page, |out| man.render_options_section(out))?;
        }
    }
    Ok(())
}

/// Appends a section of what is a page of its own for the library and part of one here: without its heading, and without
/// the definitions that each page begins with.
fn append(
    page: &mut String,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut section = Vec::new();
    render(&mut section)?;
    let section = String::from_utf8(section).map_err(io::Error::other)?;
    // Linters complain of two line breaks with an empty line between.
    let section = section.replace("\n.br\n\n.br\n", "\n.sp\n");
    let of_a_page = [".SH ", ".ie ", ".el "];
    for line in section.lines() {
        if !of_a_page.iter().any(|word| line.starts_with(word)) {
            page.push_str(line.trim_end());
            page.push('\n');
        }
    }
    Ok(())
}
