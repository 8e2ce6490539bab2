//! The app's side of an exchange: a request that was sent, and the answer to it.

use std::pin::pin;
use std::time::Duration;

use pingora::http::ResponseHeader;
use pingora::protocols::http::v1::client::HttpSession;
use tokio::time::{Instant, timeout_at};

use crate::edge::reply::Sender;
use crate::exchange::failure::Failure;
use crate::time_limit::{at_once, timed};
use crate::upstream::connect::{Connected, Connector, Destination};
use crate::upstream::upload::{Unsent, Upload};

/// How many pieces of an answer pass between two looks at the clock.
const PIECES_BETWEEN_CHECKS: u32 = 16;

/// An app that was sent a request.
pub(crate) struct App {
    session: HttpSession,
    destination: Destination,
    is_reused: bool,
    /// By when the answer must be complete. Moves on while the sender makes us wait.
    deadline: Instant,
}

/// A request that was answered before all of it was sent.
pub(crate) struct Unfinished {
    upload: Upload,
    deadline: Instant,
}

impl Unfinished {
    /// Sends the rest, if the app takes it in time. It has answered: that changes nothing any more.
    pub(crate) async fn finish(mut self) {
        let _ = timeout_at(self.deadline, self.upload.complete()).await;
    }
}

impl App {
    /// Sends the request as the answer is read.
    pub(crate) fn new(connected: Connected, unsent: Unsent, deadline: Instant) -> Self {
        let upload = Upload::new(connected.stream, unsent);
        Self {
            session: HttpSession::new(Box::new(upload)),
            destination: connected.destination,
            is_reused: connected.is_reused,
            deadline,
        }
    }

    /// The head that was read last.
    pub(crate) fn head(&self) -> Option<&ResponseHeader> {
        self.session.resp_header()
    }

    /// Reads the next head: an informational one, or the final.
    pub(crate) async fn read_head(&mut self) -> Result<(), Failure> {
        let reading = self.session.read_response();
        let read = timeout_at(self.deadline, reading).await;
        read.map_err(|_| Failure::TooSlow)??;
        Ok(())
    }

    /// The request, if the connection was a kept one that took no byte of it: then it cannot have
    /// been processed, and may be sent again.
    pub(crate) fn into_unsent(self) -> Option<Unsent> {
        let upload = Upload::out_of(self.session.into_inner());
        upload
            .filter(|_| self.is_reused)
            .and_then(Upload::into_untouched)
    }

    /// Whether there is time left. Answers that are always at hand would never meet a timer.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        check(self.deadline)
    }

    /// Waits for the sender, which does not count as the app's time.
    pub(crate) async fn wait_for<T>(&mut self, sender: impl Future<Output = T>) -> T {
        off_the_clock(&mut self.deadline, sender).await
    }

    /// Passes the body of the answer on to its end.
    pub(crate) async fn pass_body(&mut self, sender: &mut Sender<'_>) -> Result<(), Failure> {
        let Self {
            session, deadline, ..
        } = self;
        let mut pieces = 0_u32;
        loop {
            pieces = pieces.wrapping_add(1);
            if pieces.is_multiple_of(PIECES_BETWEEN_CHECKS) {
                check(*deadline)?;
            }
            let mut reading = pin!(session.read_body_ref());
            let read = match at_once(reading.as_mut()).await {
                Some(read) => read,
                None => {
                    // What there is of the answer must not wait for the rest.
                    off_the_clock(deadline, sender.flush()).await;
                    let read = timeout_at(*deadline, reading).await;
                    read.map_err(|_| Failure::TooSlow)?
                }
            };
            let Some(piece) = read? else {
                return Ok(());
            };
            if !off_the_clock(deadline, sender.body(piece)).await {
                return Err(Failure::Garbage);
            }
        }
    }

    /// Ends the exchange: keeps the connection if it can serve another. Returns what is left to send to
    /// an app that answered before it had read all.
    pub(crate) async fn conclude(
        mut self,
        connector: &Connector,
        idle_timeout: Duration,
    ) -> Option<Unfinished> {
        if !Upload::within(self.session.stream()).is_some_and(Upload::is_complete) {
            let deadline = self.deadline;
            let upload = Upload::out_of(self.session.into_inner())?;
            return Some(Unfinished { upload, deadline });
        }
        self.session.respect_keepalive();
        let idle_timeout = idle_timeout.min(self.announced_idle_timeout());
        let stream = self.session.reuse().await.and_then(Upload::out_of);
        if let Some(upload) = stream.filter(|_| !idle_timeout.is_zero()) {
            connector.keep(upload.into_stream(), &self.destination, idle_timeout);
        }
        None
    }

    /// How long a connection may be kept by what the app says in `Keep-Alive: timeout=…`, less a
    /// second for the way.
    fn announced_idle_timeout(&self) -> Duration {
        let seconds = || {
            let value = self.session.get_header("Keep-Alive")?.to_str().ok()?;
            let mut parameters = value.split(',').filter_map(|pair| pair.split_once('='));
            let (_, seconds) =
                parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("timeout"))?;
            seconds.trim().parse::<u64>().ok()
        };
        seconds().map_or(Duration::MAX, |seconds| {
            Duration::from_secs(seconds.saturating_sub(1))
        })
    }
}

fn check(deadline: Instant) -> Result<(), Failure> {
    if Instant::now() >= deadline {
        return Err(Failure::TooSlow);
    }
    Ok(())
}

async fn off_the_clock<T>(deadline: &mut Instant, waiting: impl Future<Output = T>) -> T {
    let (waited, took) = timed(pin!(waiting)).await;
    if let Some(later) = deadline.checked_add(took) {
        *deadline = later;
    }
    waited
}
