//! Nothing that anyone sends or configures is more than text.

use super::super::{policy, render};
use super::fixtures::*;

/// The tags of a page, each as it is written.
fn tags(html: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    for part in html.split('<').skip(1) {
        tags.push(part.split('>').next().unwrap());
    }
    tags
}

#[test]
fn markup_stays_text() {
    let html = render(&hostile()).unwrap().html;
    let body = html.split_once("</style>").unwrap().1;
    let body = body.rsplit_once("<script>").unwrap().0;
    assert!(!body.contains("<script") && !body.contains("<img") && !body.contains("<b>\"'"));
    for tag in tags(body) {
        // What stands in an attribute does not end its quotes.
        let mut outside = tag.split('"').step_by(2);
        assert!(outside.all(|part| !part.contains("alert(")), "{tag}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
    }
    assert!(
        body.contains("&#60;script&#62;alert(1)"),
        "it is still shown"
    );
}

#[test]
fn the_policy_forbids_all_but_what_is_in_the_page() {
    let page = render(&well()).unwrap();
    let (name, policy) = page.fields[0];
    assert_eq!(name, "Content-Security-Policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    for directive in [
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "connect-src 'self'",
    ] {
        assert!(
            policy.split("; ").any(|one| one == directive),
            "{directive}"
        );
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'));
    assert!(
        page.html
            .contains(&format!("<style>{}</style>", policy::STYLE))
    );
    assert!(
        page.html
            .contains(&format!("<script>{}</script>", policy::SCRIPT))
    );
    assert!(!policy::STYLE.contains("</") && !policy::SCRIPT.contains("</"));
}

#[test]
fn nothing_is_styled_or_run_by_an_attribute() {
    for snapshot in [well(), troubles(), many(90), hostile()] {
        let html = render(&snapshot).unwrap().html;
        for tag in tags(&html) {
            assert!(
                !tag.contains(" style=") && !tag.contains(" onclick="),
                "{tag}"
            );
        }
        assert!(!html.contains("src=\"") && !html.contains("https:"));
    }
}
