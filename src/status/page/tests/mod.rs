//! The page as a whole, and its rules, with snapshots that are made up.

mod attention;
mod escaping;
mod fixtures;
mod shape;
mod written;
