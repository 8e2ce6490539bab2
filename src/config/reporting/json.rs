//! Findings as JSON, for other programs.

use serde_json::{Value, json};

use crate::config::finding::{Finding, Severity};

/// Findings as JSON, for other programs.
#[must_use]
pub fn to_json(file: &str, findings: &[Finding]) -> Value {
    let is_ok = findings
        .iter()
        .all(|finding| finding.severity != Severity::Error);
    let findings: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "severity": finding.severity.as_str(),
                "line": finding.line,
                "column": finding.column,
                "key": finding.key,
                "message": finding.message,
                "help": finding.help,
            })
        })
        .collect();
    json!({ "file": file, "ok": is_ok, "findings": findings })
}
