//! What `hookward check` says, and whether the secrets can be read.

use super::report::{Line, Outcome};
use crate::config::{Config, Finding, Loaded, Severity};

const CHECK: &str = "configuration";
const SECRETS: &str = "secrets";
/// The key of findings that are about a secret.
const SECRETS_KEY: &str = "route.verify.secrets";

/// A line for each finding, or that there is none. `config` is the configuration as far as it can be used.
pub(super) fn check(file: &str, loaded: &Loaded, config: Option<&Config>) -> Vec<Line> {
    let mut lines: Vec<Line> = loaded.findings.iter().map(line).collect();
    let (about_secrets, about_rest): (Vec<_>, Vec<_>) = loaded
        .findings
        .iter()
        .partition(|finding| finding.key == SECRETS_KEY);
    if let Some(config) = config.filter(|_| about_rest.is_empty()) {
        let text = format!("nothing is wrong with it; routes: {}", config.routes.len());
        lines.push(Line::ok(CHECK, file, text));
    }
    if let Some(config) = loaded.config.as_ref().filter(|_| about_secrets.is_empty()) {
        let secrets = config.routes.iter().map(|route| route.verify.secrets());
        let count: usize = secrets.map(<[_]>::len).sum();
        lines.push(Line::ok(
            SECRETS,
            "all routes",
            format!("all {count} can be read"),
        ));
    }
    lines
}

/// The configuration cannot even be read.
pub(super) fn unreadable(file: &str, error: impl std::fmt::Display) -> Line {
    let fix = "correct --config, or let this user read the file";
    Line::failed(CHECK, file, error.to_string(), fix)
}

fn line(finding: &Finding) -> Line {
    let (outcome, usual_fix) = match finding.severity {
        Severity::Error => (Outcome::Failed, "correct this line"),
        Severity::Warning => (Outcome::Warning, "change it, unless it is meant so"),
    };
    let check = if finding.key == SECRETS_KEY {
        SECRETS
    } else {
        CHECK
    };
    let about = format!("{}:{}", finding.file, finding.line);
    let fix = finding.help.as_deref().unwrap_or(usual_fix);
    Line::new(outcome, check, about, finding.summary(), fix)
}
