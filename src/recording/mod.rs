//! Refused requests kept as files, for `hookward explain` and `hookward resend`.
//!
//! A request is not held up for it: its head is copied, its body, which nobody needs any more, is handed over,
//! and a thread of its own writes both. What has no room on the way, or on the disk, is lost and counted.

mod directory;
mod format;
mod name;
mod queue;
mod writer;

use std::sync::Arc;

pub(crate) use format::Hidden;
pub(crate) use queue::MAX_WAITING_BYTES;
use queue::{Entry, Queue};

use crate::config::RecordConfig;
use crate::http1::head::Head;
use crate::observe::metrics::Metrics;
use crate::reason::Reason;
use crate::verify::{Body, Timestamp};

/// A refused request.
pub(crate) struct Refused<'a> {
    pub(crate) route: &'a Arc<str>,
    pub(crate) reason: Reason,
    /// When its head was complete.
    pub(crate) at: Timestamp,
    pub(crate) head: &'a Head<'a>,
    /// What was read of its body.
    pub(crate) body: Body,
    /// The body was read to its end.
    pub(crate) is_whole: bool,
    pub(crate) hidden: Hidden<'a>,
}

/// Keeps refused requests.
pub(crate) struct Recorder {
    queue: Arc<Queue>,
    metrics: Arc<Metrics>,
}

/// Keeps the requests being written. Dropping it waits a moment for the last of them.
pub(crate) struct Recording(Arc<Queue>);

/// Starts the thread that writes, as the settings say; it waits where there are none.
///
/// # Errors
/// The system has no thread to give.
pub(crate) fn start(
    config: Option<RecordConfig>,
    metrics: Arc<Metrics>,
) -> std::io::Result<(Recorder, Recording)> {
    let queue = Arc::new(Queue::default());
    queue.set(config);
    let (written, counted) = (Arc::clone(&queue), Arc::clone(&metrics));
    std::thread::Builder::new()
        .name("hookward-record".to_owned())
        .spawn(move || writer::run(&written, &counted))?;
    let recording = Recording(Arc::clone(&queue));
    Ok((Recorder { queue, metrics }, recording))
}

impl Recorder {
    /// From now on requests are kept as these settings say.
    pub(crate) fn set(&self, config: Option<RecordConfig>) {
        self.queue.set(config);
    }

    /// Hands a request over to be written.
    pub(crate) fn keep(&self, refused: Refused<'_>) {
        let is_taken = self.hand_over(refused);
        if !is_taken {
            self.metrics.count_recording(false);
        }
    }

    fn hand_over(&self, refused: Refused<'_>) -> bool {
        let mut body = refused.body;
        body.shrink();
        let held_by_body = body.held();
        let held = |head: usize| {
            let head = u64::try_from(head).unwrap_or(u64::MAX);
            held_by_body.saturating_add(head)
        };
        // Nothing is copied for what has no room.
        if !self.queue.has_room(held(format::size(refused.head))) {
            return false;
        }
        let body = body.into_pieces();
        let length = body
            .iter()
            .map(|piece| piece.len())
            .fold(0, usize::saturating_add);
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let head = format::head(
            refused.head,
            refused.hidden,
            refused.is_whole.then_some(length),
            refused.at,
            refused.reason,
        );
        self.queue.push(Entry {
            at: refused.at.as_millis(),
            route: Arc::clone(refused.route),
            reason: refused.reason,
            held: held(head.capacity()),
            head,
            body,
        })
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.0.close();
    }
}
