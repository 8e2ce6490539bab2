//! Configuration files: any text gives a configuration or errors with places, and no panic.

#![no_main]

use hookward::config::{Secrets, Severity, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let loaded = read("fuzz.toml", text, Secrets::Skip);
    let has_errors = loaded.findings.iter().any(|finding| finding.severity == Severity::Error);
    assert_eq!(loaded.config.is_none(), has_errors, "{:?}", loaded.findings);
    assert!(loaded.findings.iter().all(|finding| finding.line > 0 && finding.column > 0));
});
