//! Verified events that wait for their app, so that none is lost.
//!
//! An event is stored, answered 202, and delivered until the app has taken it, or will not. Where events are kept is a
//! [`store::Store`]. Stores know of times and order; what an answer of an app means, and when an attempt is made, is
//! decided here.

#![allow(dead_code)]

mod archive;
mod clock;
mod disk;
mod event;
mod store;
