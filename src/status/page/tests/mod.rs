//! The page as a whole, and its rules, with snapshots that are made up.

#![allow(clippy::arithmetic_side_effects, clippy::string_slice)]

mod attention;
mod escaping;
mod fixtures;
mod shape;
mod written;
