//! Refused requests kept as files, for `hookward explain` and `hookward resend`.
//!
//! A request is not held up for it: its head is copied, its body, which nobody needs any more, is handed over,
//! and a thread of its own takes out what must not be kept and writes both. What has no room on the way, or on the
//! disk, is lost and counted.

mod copied;
mod directory;
mod format;
mod hidden;
mod losses;
mod name;
mod queue;
mod writer;

use std::sync::Arc;

use copied::Copied;
pub(crate) use hidden::Hidden;
use losses::Losses;
pub(crate) use queue::MAX_WAITING_BYTES;
use queue::{Entry, Queue};

use crate::config::RecordConfig;
use crate::http1::head::Head;
use crate::observe::metrics::Metrics;
use crate::reason::Reason;
use crate::verify::{Body, Timestamp};

/// Why a request is lost before anything is written of it.
const NO_ROOM: &str = "no room: the disk is too slow, or too many were refused at once";

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
    /// What must not be kept of its head.
    pub(crate) hidden: &'a Arc<Hidden>,
    /// A scheme of its route signs the URL.
    pub(crate) is_url_signed: bool,
}

/// Keeps refused requests.
pub(crate) struct Recorder {
    queue: Arc<Queue>,
    metrics: Arc<Metrics>,
    no_room: Losses,
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
    let no_room = Losses::default();
    no_room.set_directory(config.as_ref());
    queue.set(config);
    let (written, counted) = (Arc::clone(&queue), Arc::clone(&metrics));
    std::thread::Builder::new()
        .name("hookward-record".to_owned())
        .spawn(move || writer::run(&written, &counted))?;
    let recording = Recording(Arc::clone(&queue));
    let recorder = Recorder {
        queue,
        metrics,
        no_room,
    };
    Ok((recorder, recording))
}

impl Recorder {
    /// From now on requests are kept as these settings say.
    pub(crate) fn set(&self, config: Option<RecordConfig>) {
        self.no_room.set_directory(config.as_ref());
        self.queue.set(config);
    }

    /// Hands a request over to be written.
    pub(crate) fn keep(&self, refused: Refused<'_>) {
        let is_taken = self.hand_over(refused);
        if !is_taken {
            self.metrics.count_recording(false);
            self.no_room.count(&NO_ROOM);
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
        let held = held(Copied::bytes(refused.head));
        if !self.queue.has_room(held) {
            return false;
        }
        let length = body.len();
        self.queue.push(Entry {
            at: refused.at,
            route: Arc::clone(refused.route),
            reason: refused.reason,
            head: Copied::of(refused.head),
            hidden: Arc::clone(refused.hidden),
            is_url_signed: refused.is_url_signed,
            body: body.into_pieces(),
            whole: refused.is_whole.then_some(length),
            held,
        })
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.0.close();
    }
}
