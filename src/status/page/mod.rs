//! The status page: one HTML page that loads nothing else.
//!
//! A snapshot goes through three steps. [`attention`] finds what needs attention; [`view`] puts all values into words
//! and drawings; the templates (`page.html` and those that it includes) arrange them. askama checks the templates when
//! hookward is compiled, and escapes every value. Only style and script are written as they are, and they are files of
//! ours. Nothing here has a clock or state: the time comes with the snapshot.

mod attention;
mod plot;
mod policy;
mod sections;
mod sums;
#[cfg(test)]
mod tests;
mod view;
mod words;

use askama::Template;

use super::snapshot::Snapshot;
use view::View;

/// The page of a moment.
pub(crate) struct Page {
    pub(crate) html: String,
    pub(crate) content_type: &'static str,
    /// The fields that go with it, and without which it must not be sent.
    pub(crate) fields: &'static [(&'static str, &'static str)],
}

#[derive(Template)]
#[template(path = "page.html")]
struct Document<'a> {
    style: &'static str,
    script: &'static str,
    mark: &'static str,
    view: View<'a>,
}

/// Writes the page.
pub(crate) fn render(snapshot: &Snapshot) -> askama::Result<Page> {
    let document = Document {
        style: policy::STYLE,
        script: policy::SCRIPT,
        mark: &policy::MARK,
        view: View::of(snapshot),
    };
    Ok(Page {
        html: document.render()?,
        content_type: "text/html; charset=utf-8",
        fields: &*policy::FIELDS,
    })
}
