//! What stands in two places stands there alike.

use super::page;

/// The rows of the table below a heading.
fn table(page: &str, heading: &str) -> Vec<String> {
    let (_, rest) = page.split_once(heading).unwrap();
    let lines = rest.lines().skip_while(|line| !line.starts_with('|'));
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(str::to_owned).collect()
}

#[test]
fn the_threats_are_the_same_in_the_policy_and_in_the_book() {
    let policy = table(&page("SECURITY.md"), "\n## What hookward protects from\n");
    let book = table(&page("docs/security.md"), "\n## Threats\n");
    assert!(policy.len() > 10, "{policy:?}");
    assert_eq!(policy, book);
}

#[test]
fn the_licences_are_whole_and_name_their_holder() {
    let mit = page("LICENSE-MIT");
    assert!(mit.contains("Copyright") && mit.contains("The hookward authors"));
    assert!(mit.contains("WITHOUT WARRANTY OF ANY KIND"));
    let apache = page("LICENSE-APACHE");
    assert!(apache.contains("9. Accepting Warranty or Additional Liability"));
    assert!(apache.contains("END OF TERMS AND CONDITIONS"));
}
