//! hookward verifies who sent a webhook: as a proxy in front of an app, and as this library inside of one.
//!
//! [`verify`] is the library: requests of HubSpot and of Twenty, and those that carry an API key. It is pure: no
//! sockets, no async runtime, no clock. Take it without the proxy and what that needs. It is in no registry, so from a
//! folder with its source; one of its dependencies, `ring`, needs a C compiler:
//!
//! ```toml
//! [dependencies]
//! hookward = { path = "../hookward", default-features = false }
//! ```
//!
//! # In a handler
//!
//! The parts of the request, its body as it came, and the present time go in; who sent it, or a reason, comes out.
//! The same in axum is `State(verifier)`, `method`, `OriginalUri(uri)`, `headers` and `body: Bytes`: in a router that
//! is nested in another, a plain `Uri` lacks the outer path.
//!
//! ```
//! use std::sync::Arc;
//!
//! use http::uri::PathAndQuery;
//! use http::{HeaderMap, Method, Uri};
//! use hookward::providers::HUBSPOT;
//! use hookward::verify::{Timestamp, WebhookRequest, WebhookVerifier};
//!
//! /// What the sender calls. From the configuration: whoever sends a request chooses its `Host`.
//! const PUBLIC_URL: &str = "https://hooks.example.com";
//!
//! fn handle(
//!     verifier: &WebhookVerifier,
//!     method: &Method,
//!     uri: &Uri,
//!     headers: &HeaderMap,
//!     body: &[u8],
//!     now: Timestamp,
//! ) -> Option<Arc<str>> {
//!     // Of the path and query alone: over HTTP/2 a `Uri` has a scheme and a host too, which the sender chose.
//!     let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
//!     let url = format!("{PUBLIC_URL}{target}");
//!     let request = WebhookRequest::new(method.as_str(), &url, headers);
//!     match verifier.verify(&request, body, now) {
//!         // To be logged: once nothing comes with the old secret any more, it can be taken out.
//!         Ok(verified) => Some(verified.secret),
//!         // Answered 401. The sender does not learn the reason: it would help a forger.
//!         Err(rejection) => {
//!             eprintln!("refused: {rejection}");
//!             None
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let verifier = WebhookVerifier::signed_by(&HUBSPOT)
//!     .secret("2026", "8f3a1c52-9d1e-4b7a-a1f0-6b2c5d9e7f01")
//!     .build()?;
//!
//! // A request that Python's `hmac` signed.
//! let headers = HeaderMap::from_iter([
//!     ("x-hubspot-request-timestamp".parse()?, "1759999999845".parse()?),
//!     (
//!         "x-hubspot-signature-v3".parse()?,
//!         "n7f0S24zRaj+zbU2xtbgRAMx3i3tKoueDZmvyVKN0BQ=".parse()?,
//!     ),
//! ]);
//! let body = br#"[{"eventId":1,"subscriptionType":"contact.creation"}]"#;
//! // In an app: `SystemTime::now().into()`.
//! let now = Timestamp::from_millis(1_760_000_000_000);
//! // As it comes over HTTP/1.1, and over HTTP/2.
//! for uri in ["/in", "http://10.0.0.7:8080/in"].map(Uri::from_static) {
//!     let secret = handle(&verifier, &Method::POST, &uri, &headers, body, now);
//!     assert_eq!(secret.as_deref(), Some("2026"));
//!
//!     let changed = br#"[{"eventId":2,"subscriptionType":"contact.creation"}]"#;
//!     let secret = handle(&verifier, &Method::POST, &uri, &headers, changed, now);
//!     assert_eq!(secret, None);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # A stored body
//!
//! The time is a value, so a request that was kept is judged as it would have been when it came. A body that does
//! not fit into memory is given in pieces, cut anywhere.
//!
//! ```
//! use std::io::{Cursor, Read};
//!
//! use hookward::providers::TWENTY;
//! use hookward::verify::{Timestamp, WebhookRequest, WebhookVerifier};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let verifier = WebhookVerifier::signed_by(&TWENTY)
//!     .secret("workspace", "8f3a1c52-9d1e-4b7a-a1f0-6b2c5d9e7f01")
//!     .build()?;
//!
//! // What was kept of a request that Python's `hmac` signed.
//! let received_at = Timestamp::from_millis(1_760_000_000_000);
//! let headers = [
//!     ("X-Twenty-Webhook-Timestamp", "1759999999845"),
//!     (
//!         "X-Twenty-Webhook-Signature",
//!         "92cc4c476c4c9895f0b562ff4feba38c4f21133bc6def17922571734d7a58043",
//!     ),
//! ];
//! let mut file = Cursor::new(br#"[{"eventId":1,"subscriptionType":"contact.creation"}]"#);
//!
//! let request = WebhookRequest::new("POST", "https://hooks.example.com/in", headers);
//! let mut verification = verifier.begin(&request, received_at)?;
//! let mut piece = [0; 8 << 10];
//! loop {
//!     match file.read(&mut piece)? {
//!         0 => break,
//!         count => verification.update(&piece[..count])?,
//!     }
//! }
//! let verified = verification.finish()?;
//! assert_eq!(verified.signed_at, Some(Timestamp::from_millis(1_759_999_999_845)));
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! Semantic versioning holds for what these pages show: while the version is `0.x`, a change of `x` may break it and
//! nothing else does. Items that are public and not shown here serve the program, its tests and its benchmarks, and
//! may change at any time; so may the feature `timing`. The least version of Rust may rise with `x`.

// The program's pages are read with `--document-private-items`; those of the library alone have no such links.
#![cfg_attr(feature = "proxy", allow(rustdoc::private_intra_doc_links))]

// The rooms, which of them uses which, and what each is for: docs/architecture.md.
#[cfg(feature = "proxy")]
mod active;
#[cfg(feature = "proxy")]
mod capture;
#[cfg(feature = "proxy")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "proxy")]
#[doc(hidden)]
pub mod config;
#[cfg(feature = "proxy")]
mod diagnosis;
#[cfg(feature = "proxy")]
mod edge;
#[cfg(feature = "proxy")]
mod exchange;
#[cfg(feature = "proxy")]
mod explain;
#[cfg(feature = "proxy")]
#[doc(hidden)]
pub mod handoff;
#[doc(hidden)]
pub mod http1;
#[cfg(feature = "proxy")]
mod last_in_line;
#[cfg(feature = "proxy")]
#[doc(hidden)]
pub mod observe;
#[cfg(feature = "proxy")]
mod os;
#[cfg(feature = "proxy")]
#[doc(hidden)]
pub mod peer;
pub mod providers;
#[cfg(feature = "proxy")]
mod read_ahead;
#[doc(hidden)]
pub mod reason;
#[cfg(feature = "proxy")]
mod recording;
#[cfg(feature = "proxy")]
mod replay;
#[cfg(feature = "proxy")]
mod request;
#[cfg(feature = "proxy")]
#[doc(hidden)]
pub mod route;
#[cfg(feature = "proxy")]
#[doc(hidden)]
pub mod server;
#[cfg(feature = "proxy")]
mod spool;
#[cfg(feature = "proxy")]
mod status;
#[cfg(feature = "proxy")]
mod time_limit;
#[cfg(feature = "proxy")]
mod transport;
#[cfg(feature = "proxy")]
mod upstream;
pub mod verify;
#[doc(hidden)]
pub mod wipe;

/// The words in which `hookward explain` tells causes, as in its JSON and in metrics.
#[cfg(feature = "proxy")]
#[doc(hidden)]
pub fn explain_words() -> impl Iterator<Item = &'static str> {
    explain::Finding::ALL
        .into_iter()
        .map(explain::Finding::as_str)
}

/// Its example is compiled and run as those of this file are.
#[cfg(doctest)]
#[doc = include_str!("../docs/library.md")]
mod page_of_the_library {}
