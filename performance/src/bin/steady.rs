//! A load at a steady rate: requests begin when they are due, whether earlier ones were answered or
//! not, and a request's time counts from when it was due. A server that stalls cannot slow the load
//! down and so hide the stall.
//!
//! usage: `steady ADDRESS FILE RATE SECONDS [CONNECTIONS]`: sends the raw request in FILE, RATE times
//! a second, over CONNECTIONS (64) kept connections. Prints one line: requests, answers other than
//! 2xx (a connection that ends instead is one), and the 50th, 99th and 99.9th percentile and the maximum
//! of the times, in microseconds.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Times longer than this count as this long.
const LONGEST_MICROS: u64 = 60_000_000;

struct Load {
    address: SocketAddr,
    request: Vec<u8>,
    interval: Duration,
    count: u64,
    /// How many requests were begun.
    begun: AtomicU64,
    start: Instant,
}

struct Tally {
    micros: Histogram<u64>,
    refused: u64,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = || Error::new(ErrorKind::InvalidInput, "ADDRESS FILE RATE SECONDS [CONNECTIONS]");
    let [address, file, rate, seconds, rest @ ..] = &arguments[..] else {
        return Err(usage());
    };
    let number = |text: &String| text.parse::<f64>().map_err(|_| usage());
    let (rate, seconds) = (number(rate)?, number(seconds)?);
    let connections = rest.first().map_or(Ok(64.0), number)? as usize;
    let load = Arc::new(Load {
        address: address.parse().map_err(|_| usage())?,
        request: std::fs::read(file)?,
        interval: Duration::from_secs_f64(1.0 / rate),
        count: (rate * seconds) as u64,
        begun: AtomicU64::new(0),
        start: Instant::now() + Duration::from_millis(100),
    });
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let load = Arc::clone(&load);
            thread::spawn(move || load.send())
        })
        .collect();
    let mut all = Tally::new();
    for worker in workers {
        let tally = worker.join().map_err(|_| Error::other("a worker failed"))??;
        all.micros.add(tally.micros).map_err(Error::other)?;
        all.refused += tally.refused;
    }
    let micros = |quantile| all.micros.value_at_quantile(quantile);
    println!(
        "{} {} {} {} {} {}",
        all.micros.len(),
        all.refused,
        micros(0.5),
        micros(0.99),
        micros(0.999),
        all.micros.max()
    );
    Ok(())
}

impl Tally {
    fn new() -> Self {
        let micros = Histogram::new_with_bounds(1, LONGEST_MICROS, 3);
        Self {
            micros: micros.expect("the bounds are sound"),
            refused: 0,
        }
    }
}

impl Load {
    fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn send(&self) -> Result<Tally> {
        let mut tally = Tally::new();
        let mut stream = self.connect()?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let number = self.begun.fetch_add(1, Ordering::Relaxed);
            if number >= self.count {
                return Ok(tally);
            }
            let due = self.start + self.interval.mul_f64(number as f64);
            if let Some(early) = due.checked_duration_since(Instant::now()) {
                thread::sleep(early);
            }
            let answered = stream.write_all(&self.request);
            let answered = answered.and_then(|()| read_answer(&mut stream, &mut buffer));
            tally.refused += u64::from(!matches!(answered, Ok(true)));
            if answered.is_err() {
                stream = self.connect()?;
            }
            let micros = due.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
            tally.micros.saturating_record(micros.max(1));
        }
    }
}

/// Reads an answer that has a length. Whether its status is 2xx.
fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<bool> {
    let mut filled = 0;
    let bad = |text| Error::new(ErrorKind::InvalidData, text);
    loop {
        let count = stream.read(&mut buffer[filled..])?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        filled += count;
        let answer = &buffer[..filled];
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length
            .and_then(|length| length.trim().parse().ok())
            .ok_or_else(|| bad("an answer without a length"))?;
        if filled >= end + 4 + length {
            return Ok(head.starts_with("http/1.1 2"));
        }
    }
}
