//! The way from an event to standard error: through memory that is bounded in bytes, and a thread.
//!
//! A log that nobody reads, or that cannot be written, must not hold up a request. So logging an event only
//! appends to memory. What has no room there is left out and counted.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// How many bytes may wait to be written. The thread may hold as many again, which it is writing.
const MAX_WAITING_BYTES: usize = 8 << 20;
/// Memory beyond this is given back once its lines are written.
const KEPT_BYTES: usize = 64 << 10;
/// How long the end of the process waits for what is still to be written.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// Lines that wait to be written.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    omitted: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    is_writing: bool,
    is_closing: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut waiting = self.lock();
        let lines = &mut waiting.lines;
        // Only then the thread may sleep, and waking it is a call of the system.
        let is_first = lines.is_empty();
        let room = MAX_WAITING_BYTES.saturating_sub(lines.len());
        if line.len() > room {
            self.omitted.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if lines.capacity().saturating_sub(lines.len()) < line.len() {
            // Twice as much each time, as a vector does by itself, but not beyond the bound.
            lines.reserve_exact(lines.capacity().max(line.len()).min(room));
        }
        lines.extend_from_slice(line);
        drop(waiting);
        if is_first {
            self.changed.notify_all();
        }
    }

    /// The lines that wait, once there are some; `None` once there will be no more.
    fn take(&self, written: Vec<u8>) -> Option<Vec<u8>> {
        let mut waiting = self.lock();
        waiting.is_writing = false;
        self.changed.notify_all();
        while waiting.lines.is_empty() {
            if waiting.is_closing {
                return None;
            }
            let woken = self.changed.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
        waiting.is_writing = true;
        Some(std::mem::replace(&mut waiting.lines, written))
    }

    fn write_all_to(&self, mut output: impl Write) {
        let mut written = Vec::new();
        while let Some(mut lines) = self.take(written) {
            let is_written = output.write_all(&lines).and_then(|()| output.flush());
            if is_written.is_err() {
                let lost = memchr::memchr_iter(b'\n', &lines).count();
                let lost = u64::try_from(lost).unwrap_or(u64::MAX);
                self.omitted.fetch_add(lost, Ordering::Relaxed);
            }
            lines.clear();
            lines.shrink_to(KEPT_BYTES);
            written = lines;
        }
    }
}

/// Where events put their lines.
#[derive(Clone)]
pub(super) struct LineWriter(Arc<Queue>);

impl LineWriter {
    /// How many lines were left out since the start.
    pub(super) fn omitted_lines(&self) -> u64 {
        self.0.omitted.load(Ordering::Relaxed)
    }
}

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LineWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Keeps the log being written. Dropping it waits a moment for the last lines.
pub(super) struct Writing(Arc<Queue>);

impl Drop for Writing {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.is_closing = true;
        self.0.changed.notify_all();
        let is_unwritten = |waiting: &mut Waiting| waiting.is_writing || !waiting.lines.is_empty();
        // What nobody has read by then is lost.
        let _ = self
            .0
            .changed
            .wait_timeout_while(waiting, LAST_WRITE, is_unwritten);
    }
}

/// Starts the thread that writes lines to `output`.
///
/// # Errors
/// The system has no thread to give.
pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<(LineWriter, Writing)> {
    let queue = Arc::new(Queue::default());
    let writing = Arc::clone(&queue);
    std::thread::Builder::new()
        .name("hookward-log".to_owned())
        .spawn(move || writing.write_all_to(output))?;
    Ok((LineWriter(Arc::clone(&queue)), Writing(queue)))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Takes nothing until it is told to, and then everything.
    struct Stuck(mpsc::Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_and_what_has_no_room_is_counted() {
        let (go_on, told) = mpsc::channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let (mut lines, writing) = start(Stuck(told, Arc::clone(&written))).unwrap();
        let line = [&[b'x'; 8_191][..], b"\n"].concat();
        let sent = 10_000_u64;
        for _ in 0..sent {
            lines.write_all(&line).unwrap();
        }
        let omitted = lines.omitted_lines();
        assert!(lines.0.lock().lines.capacity() <= MAX_WAITING_BYTES);
        let room = u64::try_from(2 * MAX_WAITING_BYTES / line.len()).unwrap();
        assert!(omitted >= sent - room, "{omitted}");
        drop(go_on);
        drop(writing);
        let written = written.lock().unwrap().len() / line.len();
        assert_eq!(u64::try_from(written).unwrap(), sent - omitted);
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (mut lines, writing) = start(Broken).unwrap();
        for _ in 0..3 {
            lines.write_all(b"line\n").unwrap();
        }
        drop(writing);
        assert_eq!(lines.omitted_lines(), 3);
    }
}
