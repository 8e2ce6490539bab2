//! Does comparing take the same time for every input? A statistical test after dudect (Reparaz,
//! Balasch, Verbauwhede: "Dude, is my code constant time?", 2017).
//!
//! Two classes of inputs are measured in random order, and Welch's t test says whether their times
//! differ. Both classes use the same memory, so that addresses and caches do not tell them apart. As
//! interrupts disturb the slowest measurements, the test is repeated on the faster part of them, and
//! the largest |t| counts.
//!
//! The last comparison is a control: a byte loop that stops at the first difference, which the test
//! must catch. A run in which it does not proves nothing, and fails.

#![allow(
    missing_docs,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    reason = "a measuring program"
)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use hookward::verify::timing::{Candidates, Presented};

/// Measurements of each comparison, both classes together.
const SAMPLES: usize = 2_000_000;
/// Calls in one measurement: a single one is shorter than the clock's reading.
const CALLS: usize = 8;
/// From here on the times differ.
const THRESHOLD: f64 = 5.0;
/// The part of the measurements that is kept, fastest first.
const KEPT: [f64; 5] = [1.0, 0.99, 0.95, 0.8, 0.5];

/// What a request presents, seen from the secrets' digests.
#[derive(Clone, Copy)]
enum Input {
    /// The digest of the secret with this index.
    Right(usize),
    /// That of the first secret with its first byte wrong.
    FirstByteWrong,
    /// And with its last byte wrong.
    LastByteWrong,
    /// And with every byte wrong.
    AllWrong,
}

impl Input {
    fn bytes(self, digests: &[[u8; 32]]) -> [u8; 32] {
        let mut bytes = match self {
            Self::Right(index) => digests[index],
            _ => digests[0],
        };
        match self {
            Self::Right(_) => {}
            Self::FirstByteWrong => bytes[0] ^= 0xff,
            Self::LastByteWrong => bytes[31] ^= 0xff,
            Self::AllWrong => bytes.iter_mut().for_each(|byte| *byte ^= 0xff),
        }
        bytes
    }
}

/// A small, fast generator (xorshift64*): the order of the classes must not be regular, no more.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn digest(&mut self) -> [u8; 32] {
        std::array::from_fn(|_| self.next().to_le_bytes()[7])
    }
}

/// The times of both classes, in nanoseconds.
fn measure(
    classes: [[u8; 32]; 2],
    mut compare: impl FnMut(&Presented, &[u8; 32]),
) -> [Vec<f64>; 2] {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut times = [Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES)];
    let mut presented = Presented::new(classes[0]);
    let mut raw = classes[0];
    for _ in 0..SAMPLES {
        let class = usize::from(random.next() >> 63 == 1);
        // The same memory for both classes: only the bytes differ.
        presented.set(black_box(classes[class]));
        raw = black_box(classes[class]);
        let began = Instant::now();
        for _ in 0..CALLS {
            compare(black_box(&presented), black_box(&raw));
        }
        times[class].push(began.elapsed().as_nanos() as f64);
    }
    black_box(raw);
    times
}

/// Welch's t statistic.
fn welch(classes: [&[f64]; 2]) -> f64 {
    let [(mean_a, error_a), (mean_b, error_b)] = classes.map(|times| {
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    });
    (mean_a - mean_b) / (error_a + error_b).sqrt()
}

/// The largest |t| over the kept parts.
fn largest_t(times: &[Vec<f64>; 2]) -> f64 {
    let mut all: Vec<f64> = times.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    let ts = KEPT.map(|kept| {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a length"
        )]
        let last = ((all.len() - 1) as f64 * kept) as usize;
        let limit = all[last];
        let [a, b] = [0, 1].map(|class| -> Vec<f64> {
            times[class]
                .iter()
                .copied()
                .filter(|time| *time <= limit)
                .collect()
        });
        if a.len() < 1_000 || b.len() < 1_000 {
            0.0
        } else {
            welch([&a, &b])
        }
    });
    ts.into_iter().fold(
        0.0,
        |largest: f64, t| if t.abs() > largest.abs() { t } else { largest },
    )
}

fn early_exit(a: &[u8; 32], b: &[u8; 32]) -> bool {
    for index in 0..32 {
        if black_box(a[index]) != b[index] {
            return false;
        }
    }
    true
}

fn main() -> ExitCode {
    let mut random = Random(0x0123_4567_89ab_cdef);
    let digests: Vec<[u8; 32]> = (0..5).map(|_| random.digest()).collect();
    let one = Candidates::new(&digests[..1]);
    let five = Candidates::new(&digests);
    let comparisons = [
        (
            "first byte wrong / last byte wrong",
            &one,
            Input::FirstByteWrong,
            Input::LastByteWrong,
        ),
        (
            "first byte wrong / all wrong",
            &one,
            Input::FirstByteWrong,
            Input::AllWrong,
        ),
        (
            "first byte wrong / right",
            &one,
            Input::FirstByteWrong,
            Input::Right(0),
        ),
        (
            "last byte wrong / right",
            &one,
            Input::LastByteWrong,
            Input::Right(0),
        ),
        ("all wrong / right", &one, Input::AllWrong, Input::Right(0)),
        (
            "5 secrets: first / last matches",
            &five,
            Input::Right(0),
            Input::Right(4),
        ),
        (
            "5 secrets: first matches / none",
            &five,
            Input::Right(0),
            Input::AllWrong,
        ),
        (
            "5 secrets: last matches / none",
            &five,
            Input::Right(4),
            Input::AllWrong,
        ),
    ];
    println!("{SAMPLES} samples each, |t| must stay below {THRESHOLD}");
    let mut is_constant = true;
    for (what, candidates, a, b) in comparisons {
        let classes = [a, b].map(|input| input.bytes(&digests));
        let times = measure(classes, |presented, _| candidates.choose(presented));
        let t = largest_t(&times);
        is_constant &= t.abs() < THRESHOLD;
        println!("{what:40} t = {t:8.2}");
    }
    let classes = [Input::FirstByteWrong, Input::LastByteWrong].map(|input| input.bytes(&digests));
    let times = measure(classes, |_, raw| {
        black_box(early_exit(black_box(raw), black_box(&digests[0])));
    });
    let control = largest_t(&times);
    let is_caught = control.abs() >= THRESHOLD;
    println!(
        "{:40} t = {control:8.2} (must be caught)",
        "control: a loop that stops early"
    );
    match (is_constant, is_caught) {
        (true, true) => {
            println!("constant time: no difference found");
            ExitCode::SUCCESS
        }
        (false, _) => {
            println!("NOT constant time");
            ExitCode::FAILURE
        }
        (true, false) => {
            println!("the control was not caught: this run proves nothing");
            ExitCode::FAILURE
        }
    }
}
