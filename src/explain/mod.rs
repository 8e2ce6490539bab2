//! Why a request did not verify: a captured request and a configuration go in, findings come out.
//!
//! This room is pure: no sockets, no files, no clock. The capture is judged by the very code that judges
//! requests. Where its signature does not match, what may have happened to it on its way is undone until it
//! does: a signature that matches is proof. The command and the server's own diagnosis share all of this.

mod case;
mod decoded;
mod evidence;
mod finding;
mod keys;
mod mistakes;
mod search;
mod supposed;
mod told;

pub use finding::Finding;
