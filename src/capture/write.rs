//! TODO write

/// TODO
pub(crate) fn to_file() {}
