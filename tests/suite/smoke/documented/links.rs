//! Every link of the documentation leads somewhere, in the sources and in the book alike.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::{page, pages, split};
use crate::support::proxy::project;

/// The targets of a page's links and pictures, each with its line.
fn links(text: &str) -> Vec<(usize, String)> {
    let (_, prose) = split(text);
    let mut found = Vec::new();
    for (number, line) in prose {
        // What stands between backquotes is text.
        let line: String = line.split('`').step_by(2).collect();
        let parts = line
            .split("](")
            .skip(1)
            .filter_map(|part| part.split_once(')'));
        found.extend(parts.map(|(target, _)| (number, target.to_owned())));
        for attribute in [" src=\"", " href=\""] {
            let parts = line.split(attribute).skip(1);
            let targets = parts.filter_map(|part| part.split_once('"'));
            found.extend(targets.map(|(target, _)| (number, target.to_owned())));
        }
    }
    found
}

/// The anchors of a page's headings: small letters, blanks as `-`, and nothing else but digits, `-` and `_`. One that
/// was there before gets a number.
fn anchors(text: &str) -> HashSet<String> {
    let (_, prose) = split(text);
    let mut anchors = HashSet::new();
    let mut times: HashMap<String, usize> = HashMap::new();
    for (_, line) in prose {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            letter if letter.is_alphanumeric() => Some(letter),
            _ => None,
        });
        let anchor: String = kept.flat_map(char::to_lowercase).collect();
        let before = times.entry(anchor.clone()).or_default();
        anchors.insert(match *before {
            0 => anchor,
            _ => format!("{anchor}-{before}"),
        });
        *before += 1;
    }
    anchors
}

/// Why a link of the page `name` leads nowhere.
fn broken(name: &str, text: &str, target: &str) -> Option<String> {
    if target.contains("://") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(name).parent().unwrap();
    let path = project(folder.join(file).to_str().unwrap());
    if !file.is_empty() && !path.exists() {
        return Some("there is no such file".to_owned());
    }
    // The book makes its own pages of Markdown, and has no others.
    let leaves_the_book = name.starts_with("docs/") && file.starts_with("../");
    if leaves_the_book && file.ends_with(".md") {
        return Some("the book has no such page".to_owned());
    }
    if anchor.is_empty() {
        return None;
    }
    let read;
    let there = if file.is_empty() {
        text
    } else {
        read = std::fs::read_to_string(&path).ok()?;
        &read
    };
    let is_there = anchors(there).contains(anchor);
    (!is_there).then(|| "there is no such heading".to_owned())
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for page in pages() {
        for (line, target) in links(&page.text) {
            count += 1;
            if let Some(why) = broken(&page.name, &page.text, &target) {
                wrong.push(format!("{}:{line}: {target}: {why}", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 100, "{count}");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let text = "# A `[b]` c_d\n[1](#a-b-c_d) [2](#a) [3](http.md#the-target)\n[4](http.md#the) [5](no.md) \
                `[6](no.md)` ![7](images/status-page.png) [8](../README.md) [9](../conf)\n\
                <img src=\"images/no.png\">\n```\n[10](no.md)\n```\n";
    let found = links(text).into_iter().filter_map(|(line, target)| {
        broken("docs/made-up.md", text, &target).map(|_| (line, target))
    });
    let found: Vec<_> = found.collect();
    let wrong = [
        (2, "#a"),
        (3, "http.md#the"),
        (3, "no.md"),
        (3, "../README.md"),
        (4, "images/no.png"),
    ];
    assert_eq!(found, wrong.map(|(line, target)| (line, target.to_owned())));
}

#[test]
fn the_book_has_every_page() {
    let summary = page("docs/SUMMARY.md");
    let listed: Vec<String> = links(&summary)
        .into_iter()
        .map(|(_, target)| target)
        .collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(
        sorted.len(),
        listed.len(),
        "a page is listed twice: {listed:?}"
    );
    for page in pages() {
        if let Some(file) = page.name.strip_prefix("docs/")
            && file != "SUMMARY.md"
        {
            assert!(
                listed.iter().any(|listed| listed == file),
                "{file} is not in docs/SUMMARY.md"
            );
        }
    }
}
