//! Routes, written as an operator would write them.

use std::fmt::Display;

/// A `[[route]]`: `keys` are more lines of its table, `verify` are the lines of `[route.verify]`.
pub(crate) fn route(
    name: &str,
    path: &str,
    upstream: impl Display,
    keys: &str,
    verify: &str,
) -> String {
    format!(
        "[[route]]\nname = \"{name}\"\npath = \"{path}\"\nupstream = \"{upstream}\"\n{keys}\n\
         [route.verify]\n{verify}\n"
    )
}

/// `secrets = […]`: each with its id and its value.
pub(crate) fn secrets(secrets: &[(&str, &str)]) -> String {
    let secrets: Vec<String> = secrets
        .iter()
        .map(|(id, value)| format!("{{ id = \"{id}\", value = {value:?} }}"))
        .collect();
    format!("secrets = [{}]", secrets.join(", "))
}
