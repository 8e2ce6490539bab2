//! The deliveries of a spool by a clock of the tests: days pass in no time. The store keeps events in memory, and the app
//! is a closure.

mod app_down;
mod fakes;
mod letters;
mod pace;
