//! Configuration files: any text gives a configuration or errors with places that can be
//! shown, and no panic.

#![no_main]

use hookward::config::{Options, Secrets, Severity, Source, read};
use hookward::providers::Providers;
use libfuzzer_sys::fuzz_target;

const OPTIONS: Options = Options {
    secrets: Secrets::Skip,
    providers: Providers::known(),
};

fuzz_target!(|text: &str| {
    let loaded = read("fuzz.toml", text, OPTIONS);
    let has_errors = loaded.findings.iter().any(|finding| finding.severity == Severity::Error);
    assert_eq!(loaded.config.is_none(), has_errors, "{:?}", loaded.findings);
    let source = Source::new("fuzz.toml", &loaded.text);
    for finding in &loaded.findings {
        let _ = source.render(finding, false);
    }
    assert!(loaded.findings.iter().all(|finding| finding.line > 0 && finding.column > 0));
});
