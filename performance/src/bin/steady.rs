//! A load at a steady rate: requests begin when they are due, whether earlier ones were answered or
//! not. A server that stalls cannot slow the load down and so hide the stall.
//!
//! A request's time is the server's alone. It counts from when the load sent it, or from when it was due
//! if no connection was free then, and ends when the system received the answer, whenever the load gets
//! to read it. By how much the load itself was late is told beside it.
//!
//! usage: `steady ADDRESS FILE RATE SECONDS [CONNECTIONS]`: sends the raw request in FILE, RATE times
//! a second, over CONNECTIONS (64) kept connections. Prints one line: requests, answers other than
//! 2xx (a connection that ends instead is one), the 50th, 99th and 99.9th percentile and the maximum of
//! the times, in microseconds, the same of the load's lateness, and how many requests found no
//! connection free.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind, IoSliceMut, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use hdrhistogram::Histogram;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::prctl;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::clock_gettime;

/// Times longer than this count as this long.
const LONGEST_MICROS: u64 = 60_000_000;
/// The event of the timer; those of connections are their places in the list.
const TIMER: u64 = u64::MAX;
/// How long after its start the load sends its first request.
const LEAD: Duration = Duration::from_millis(100);
/// How long after the last request is due the last answer may come.
const PATIENCE: Duration = Duration::from_secs(30);

struct Load {
    address: SocketAddr,
    request: Vec<u8>,
    interval: Duration,
    count: u64,
    /// When the first request is due.
    start: Duration,
    epoll: Epoll,
    connections: Vec<Connection>,
    /// Places of the connections that have nothing to do; the one that rested longest comes first.
    idle: VecDeque<usize>,
    /// When those were due that wait for a connection.
    waiting: VecDeque<Duration>,
    begun: u64,
    tally: Tally,
}

struct Connection {
    stream: TcpStream,
    /// When its request began to count.
    began: Option<Duration>,
    written: usize,
    answer: Vec<u8>,
}

struct Tally {
    micros: Histogram<u64>,
    late_micros: Histogram<u64>,
    refused: u64,
    waited: u64,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = || {
        Error::new(
            ErrorKind::InvalidInput,
            "ADDRESS FILE RATE SECONDS [CONNECTIONS]",
        )
    };
    let [address, file, rate, seconds, rest @ ..] = &arguments[..] else {
        return Err(usage());
    };
    let number = |text: &String| text.parse::<f64>().map_err(|_| usage());
    let (rate, seconds) = (number(rate)?, number(seconds)?);
    let connections = rest.first().map_or(Ok(64.0), number)? as usize;
    let mut load = Load {
        address: address.parse().map_err(|_| usage())?,
        request: std::fs::read(file)?,
        interval: Duration::from_secs_f64(1.0 / rate),
        count: (rate * seconds) as u64,
        start: Duration::ZERO,
        epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
        connections: Vec::new(),
        idle: (0..connections).collect(),
        waiting: VecDeque::new(),
        begun: 0,
        tally: Tally::new(),
    };
    for place in 0..connections {
        let connection = load.connect(place)?;
        load.connections.push(connection);
    }
    load.run()?;
    let Tally {
        micros,
        late_micros,
        refused,
        waited,
    } = &load.tally;
    let quantiles = |histogram: &Histogram<u64>| {
        let [p50, p99, p999] =
            [0.5, 0.99, 0.999].map(|quantile| histogram.value_at_quantile(quantile));
        format!("{p50} {p99} {p999} {}", histogram.max())
    };
    println!(
        "{} {refused} {} {} {waited}",
        micros.len(),
        quantiles(micros),
        quantiles(late_micros)
    );
    Ok(())
}

impl Tally {
    fn new() -> Self {
        let histogram = || {
            let micros = Histogram::new_with_bounds(1, LONGEST_MICROS, 3);
            micros.expect("the bounds are sound")
        };
        Self {
            micros: histogram(),
            late_micros: histogram(),
            refused: 0,
            waited: 0,
        }
    }
}

impl Load {
    fn run(&mut self) -> Result<()> {
        // Else the system may wake a sleeper 50 µs late, to wake several at once.
        prctl::set_timerslack(1)?;
        let timer = TimerFd::new(ClockId::CLOCK_REALTIME, TimerFlags::TFD_NONBLOCK)?;
        self.epoll
            .add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        self.start = now()? + LEAD;
        let expiration =
            Expiration::IntervalDelayed(TimeSpec::from(self.start), TimeSpec::from(self.interval));
        timer.set(expiration, TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        let end = self.start + self.interval.mul_f64(self.count as f64) + PATIENCE;
        let mut events = [EpollEvent::empty(); 64];
        while self.tally.micros.len() < self.count {
            let count = self.epoll.wait(&mut events, EpollTimeout::NONE)?;
            if now()? > end {
                return Err(Error::new(
                    ErrorKind::TimedOut,
                    "requests are left unanswered",
                ));
            }
            // What is due comes before what has arrived: an answer can wait to be read, for its time is taken.
            self.send_due()?;
            for event in &events[..count] {
                match event.data() {
                    TIMER => timer.wait()?,
                    place => self.serve(place as usize)?,
                }
            }
        }
        Ok(())
    }

    fn send_due(&mut self) -> Result<()> {
        while self.begun < self.count {
            let due = self.start + self.interval.mul_f64(self.begun as f64);
            let now = now()?;
            let Some(late) = now.checked_sub(due) else {
                break;
            };
            self.begun += 1;
            match self.idle.pop_front() {
                Some(place) => {
                    record(&mut self.tally.late_micros, late);
                    self.begin(place, now)?;
                }
                None => {
                    self.tally.waited += 1;
                    self.waiting.push_back(due);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, place: usize, began: Duration) -> Result<()> {
        let connection = &mut self.connections[place];
        connection.began = Some(began);
        connection.written = 0;
        connection.answer.clear();
        self.serve(place)
    }

    /// Does for a connection what can be done now.
    fn serve(&mut self, place: usize) -> Result<()> {
        let connection = &mut self.connections[place];
        let ended = connection
            .write(&self.request)
            .and_then(|()| connection.read());
        let (is_good, arrived) = match ended {
            Ok(None) => return Ok(()),
            Ok(Some(answer)) => answer,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::InvalidData => return Err(error),
            Err(_) => (false, now()?),
        };
        let began = connection.began.take();
        if !is_good {
            self.connections[place] = self.connect(place)?;
        }
        if let Some(began) = began {
            self.tally.refused += u64::from(!is_good);
            record(&mut self.tally.micros, arrived.saturating_sub(began));
        }
        match self.waiting.pop_front() {
            Some(due) => self.begin(place, due),
            None if began.is_some() => {
                self.idle.push_back(place);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn connect(&self, place: usize) -> Result<Connection> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        setsockopt(&stream, sockopt::ReceiveTimestampns, &true)?;
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
        self.epoll
            .add(&stream, EpollEvent::new(flags, place as u64))?;
        Ok(Connection {
            stream,
            began: None,
            written: 0,
            answer: Vec::new(),
        })
    }
}

impl Connection {
    fn write(&mut self, request: &[u8]) -> Result<()> {
        while self.began.is_some() && self.written < request.len() {
            match self.stream.write(&request[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what is there: whether the answer's status is 2xx, and when its last piece was received.
    fn read(&mut self) -> Result<Option<(bool, Duration)>> {
        let mut buffer = [0; 4096];
        loop {
            let mut space = nix::cmsg_space!(TimeSpec);
            let mut pieces = [IoSliceMut::new(&mut buffer)];
            let (count, received) = {
                let descriptor = self.stream.as_raw_fd();
                let message =
                    recvmsg::<()>(descriptor, &mut pieces, Some(&mut space), MsgFlags::empty())?;
                let received = message.cmsgs()?.find_map(|control| match control {
                    ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
                    _ => None,
                });
                (message.bytes, received)
            };
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.answer.extend_from_slice(&buffer[..count]);
            if let Some(is_good) = is_complete(&self.answer)? {
                let bad = || {
                    Error::new(
                        ErrorKind::InvalidData,
                        "the system does not tell when an answer arrived",
                    )
                };
                return Ok(Some((is_good, received.ok_or_else(bad)?)));
            }
        }
    }
}

/// Whether the status is 2xx, once the answer is there to its end; it has to have a length.
fn is_complete(answer: &[u8]) -> Result<Option<bool>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length
        .and_then(|length| length.trim().parse().ok())
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, "an answer without a length"))?;
    let is_whole = answer.len() >= end + 4 + length;
    Ok(is_whole.then(|| head.starts_with("http/1.1 2")))
}

/// The clock by which the system tells when something was received.
fn now() -> Result<Duration> {
    Ok(clock_gettime(nix::time::ClockId::CLOCK_REALTIME)?.into())
}

fn record(histogram: &mut Histogram<u64>, time: Duration) {
    let micros = time.as_micros().try_into().unwrap_or(u64::MAX);
    histogram.saturating_record(micros.max(1));
}
