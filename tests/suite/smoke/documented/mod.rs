//! What the documentation says is so: its commands, its snippets, its links, and the reference of keys.

mod commands;
mod links;
mod policies;
mod reference;
mod snippets;

use crate::support::proxy::project;

/// A page of the documentation.
struct Page {
    /// From the project's root on, such as `docs/http.md`.
    name: String,
    text: String,
}

/// All pages: those of the book, and those beside the program's source.
fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    for folder in ["docs", "."] {
        for entry in std::fs::read_dir(project(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|found| found == "md") {
                let file = path.file_name().unwrap().to_str().unwrap();
                let folder = if folder == "." { "" } else { "docs/" };
                pages.push(Page {
                    name: format!("{folder}{file}"),
                    text: std::fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    pages.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(pages.len() > 15, "{}", pages.len());
    pages
}

/// A page of the documentation, by its name.
fn page(name: &str) -> String {
    std::fs::read_to_string(project(name)).unwrap()
}

/// A fenced block.
struct Block {
    /// What stands behind the fence: the language, and what else a snippet says of itself.
    info: String,
    text: String,
    line: usize,
}

impl Block {
    fn language(&self) -> &str {
        self.info.split(' ').next().unwrap()
    }
}

/// The fenced blocks of a page, and its lines outside of them, each with its number.
fn split(text: &str) -> (Vec<Block>, Vec<(usize, &str)>) {
    let mut blocks = Vec::new();
    let mut prose = Vec::new();
    let mut open: Option<(Block, usize)> = None;
    for (index, line) in text.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(info)) => {
                let indent = line.len() - line.trim_start().len();
                let block = Block {
                    info: info.to_owned(),
                    text: String::new(),
                    line: index + 1,
                };
                open = Some((block, indent));
            }
            (None, None) => prose.push((index + 1, line)),
            (Some(_), Some("")) => blocks.extend(open.take().map(|(block, _)| block)),
            (Some((block, indent)), _) => {
                block.text += line.get(*indent..).unwrap_or("");
                block.text += "\n";
            }
        }
    }
    assert!(open.is_none(), "a block is not closed: {text}");
    (blocks, prose)
}
