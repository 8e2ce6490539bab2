//! Attempts to connect to the addresses of one upstream, in the way of RFC 8305 section 5.
//!
//! They share one time limit. The next address is tried a quarter of a second after the last was begun,
//! or as soon as that failed; the first to answer wins, and the others are dropped. Beyond the RFC, an
//! address that failed is tried again after a pause: an app that restarts is back by then. All of that
//! is safe, because nothing of a request is sent before there is a connection.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use pingora::protocols::Stream;
use tokio::time::{Instant, sleep_until};

use super::address::UpstreamAddress;
use super::attempt::attempt;
use super::cause::Cause;
use super::destination::Destination;

/// The time between the beginnings of two attempts (RFC 8305 section 8).
const HEAD_START: Duration = Duration::from_millis(250);
/// The shortest head start, where many addresses share little time (same section).
const LEAST_HEAD_START: Duration = Duration::from_millis(10);
/// The first pause before an address that failed is tried again; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How many addresses a race can have.
const MAX_TRACKS: usize = 32;
/// How many addresses are named in the log.
const MAX_TOLD: usize = 4;

/// Why no address took a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// How many attempts were begun in all.
    pub(super) attempts: u32,
    /// Each address that was tried, and how its last attempt went.
    pub(super) tried: Vec<(Destination, Cause)>,
}

/// An attempt. Boxed, because it takes kilobytes, which every request's future would otherwise have.
type Running = Pin<Box<dyn Future<Output = (Destination, Result<Stream, Cause>)> + Send>>;

/// Attempts under way and the addresses that they are for.
pub(super) struct Race<'a> {
    upstream: &'a UpstreamAddress,
    deadline: Instant,
    head_start: Duration,
    tracks: Vec<Track>,
    running: FuturesUnordered<Running>,
    /// No attempt is begun before this time, unless the last one fails.
    next_at: Instant,
    attempts: u32,
}

/// What is known of one address.
struct Track {
    destination: Destination,
    state: State,
    pause: Duration,
    cause: Option<Cause>,
}

#[derive(Clone, Copy)]
enum State {
    /// It may be tried from then on.
    Due(Instant),
    Running {
        since: Instant,
    },
    /// Trying again cannot help.
    Over,
}

impl<'a> Race<'a> {
    /// A race to `destinations` that ends at `deadline`.
    pub(super) fn new(
        upstream: &'a UpstreamAddress,
        destinations: &[Destination],
        deadline: Instant,
    ) -> Self {
        let now = Instant::now();
        let count = u32::try_from(destinations.len()).unwrap_or(u32::MAX);
        let share = deadline
            .saturating_duration_since(now)
            .checked_div(count.max(1));
        let mut race = Self {
            upstream,
            deadline,
            head_start: share
                .unwrap_or_default()
                .clamp(LEAST_HEAD_START, HEAD_START),
            tracks: Vec::new(),
            running: FuturesUnordered::new(),
            next_at: now,
            attempts: 0,
        };
        race.add(destinations, now);
        race
    }

    /// The first connection that is made, and its destination. `on_lack_of_descriptors` is called
    /// whenever there was no descriptor left to try with.
    ///
    /// # Errors
    /// [`Lost`] at the deadline, or as soon as no further attempt can succeed.
    pub(super) async fn run(
        mut self,
        on_lack_of_descriptors: &(dyn Fn() + Sync),
    ) -> Result<(Stream, Destination), Lost> {
        loop {
            let now = Instant::now();
            let due_at = self.due();
            let is_hopeless = due_at.is_none_or(|(due_at, _)| due_at >= self.deadline);
            if now >= self.deadline || (self.running.is_empty() && is_hopeless) {
                return Err(self.lost(now));
            }
            if let Some((due_at, index)) = due_at
                && due_at <= now
            {
                self.begin(index, now);
                continue;
            }
            // Where nobody answers, the app may have moved: what is found meanwhile is tried too.
            let look_again_at = now.checked_add(self.head_start).unwrap_or(self.deadline);
            let wake_at = due_at.map_or(look_again_at, |(due_at, _)| due_at.min(look_again_at));
            tokio::select! {
                biased;
                Some((destination, result)) = self.running.next() => match result {
                    Ok(stream) => return Ok((stream, destination)),
                    Err(cause) => {
                        if cause == Cause::NoDescriptor {
                            on_lack_of_descriptors();
                        }
                        self.fail(&destination, cause);
                    }
                },
                () = sleep_until(wake_at.min(self.deadline)) => {}
            }
            self.upstream.refresh();
            if let Some(destinations) = self.upstream.known_destinations() {
                self.add(&destinations, Instant::now());
            }
        }
    }

    /// Takes in addresses that were not known before.
    fn add(&mut self, destinations: &[Destination], now: Instant) {
        for destination in destinations {
            let mut known = self.tracks.iter();
            if self.tracks.len() >= MAX_TRACKS || known.any(|it| it.destination == *destination) {
                continue;
            }
            self.tracks.push(Track {
                destination: destination.clone(),
                state: State::Due(now),
                pause: FIRST_PAUSE,
                cause: None,
            });
        }
    }

    /// When the next attempt is to begin, and at which address.
    fn due(&self) -> Option<(Instant, usize)> {
        let due = self.tracks.iter().enumerate().filter_map(|(index, track)| {
            let State::Due(at) = track.state else {
                return None;
            };
            Some((at, index))
        });
        let (at, index) = due.min()?;
        Some((at.max(self.next_at), index))
    }

    fn begin(&mut self, index: usize, now: Instant) {
        let Some(track) = self.tracks.get_mut(index) else {
            return;
        };
        track.state = State::Running { since: now };
        let destination = track.destination.clone();
        self.running.push(Box::pin(async move {
            let result = attempt(&destination).await;
            (destination, result)
        }));
        self.attempts = self.attempts.saturating_add(1);
        self.next_at = now.checked_add(self.head_start).unwrap_or(self.deadline);
    }

    fn fail(&mut self, destination: &Destination, cause: Cause) {
        let now = Instant::now();
        self.next_at = now;
        let mut tracks = self.tracks.iter_mut();
        let Some(track) = tracks.find(|track| track.destination == *destination) else {
            return;
        };
        track.state = match now.checked_add(track.pause) {
            Some(again_at) if cause.may_pass() => State::Due(again_at),
            _ => State::Over,
        };
        track.pause = track.pause.saturating_mul(2).min(LONGEST_PAUSE);
        track.cause = Some(cause);
    }

    fn lost(self, now: Instant) -> Lost {
        let cause = |track: &Track| match track.state {
            State::Running { since } => {
                let waited = now.saturating_duration_since(since).as_millis();
                let waited = u64::try_from(waited).unwrap_or(u64::MAX);
                Some(Cause::NoAnswer(Duration::from_millis(waited)))
            }
            State::Due(_) | State::Over => track.cause.clone(),
        };
        let tracks = self.tracks.iter();
        let tried = tracks.filter_map(|track| Some((track.destination.clone(), cause(track)?)));
        Lost {
            attempts: self.attempts,
            tried: tried.collect(),
        }
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tried.is_empty() {
            return f.write_str("there was no time left to try");
        }
        let attempts = self.attempts;
        let noun = if attempts == 1 { "attempt" } else { "attempts" };
        write!(f, "{attempts} {noun}")?;
        for (index, (destination, cause)) in self.tried.iter().take(MAX_TOLD).enumerate() {
            let separator = if index == 0 { ": " } else { "; " };
            write!(f, "{separator}{}: {cause}", destination.address())?;
        }
        match self.tried.len().saturating_sub(MAX_TOLD) {
            0 => Ok(()),
            more => write!(f, "; and {more} more addresses"),
        }
    }
}
