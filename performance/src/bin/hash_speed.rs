//! How fast SHA-256 is on this CPU, by library: nanoseconds of CPU time for a body of so many bytes,
//! hashed in pieces as they arrive from a socket. One line a library, the fastest first.
//!
//! usage: `hash_speed [BYTES]`, 1,000,000 unless told.

use std::hint::black_box;

use nix::time::{ClockId, clock_gettime};
use sha2::Digest;

/// As much as one read of a socket gives.
const PIECE_BYTES: usize = 64 << 10;
const ROUNDS: usize = 15;
/// CPU time of one round.
const ROUND_NANOS: i64 = 20_000_000;

fn main() {
    let bytes = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse());
    let Ok(bytes) = bytes else {
        eprintln!("usage: hash_speed [BYTES]");
        std::process::exit(2);
    };
    let body = vec![b'a'; bytes];
    let mut speeds = [
        ("sha2", nanos(|| sha2(&body))),
        ("ring", nanos(|| ring(&body))),
    ];
    speeds.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (library, nanos) in speeds {
        println!("{library} {nanos:.0}");
    }
}

fn sha2(body: &[u8]) {
    let mut hash = sha2::Sha256::new();
    body.chunks(PIECE_BYTES).for_each(|piece| hash.update(piece));
    black_box(hash.finalize());
}

fn ring(body: &[u8]) {
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    body.chunks(PIECE_BYTES).for_each(|piece| hash.update(piece));
    black_box(hash.finish());
}

/// The median over rounds of the CPU time that one call takes.
fn nanos(mut hash: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = cpu_nanos();
            let mut calls = 0_u32;
            loop {
                hash();
                calls += 1;
                let spent = cpu_nanos() - began;
                if spent >= ROUND_NANOS {
                    return spent as f64 / f64::from(calls);
                }
            }
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn cpu_nanos() -> i64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has this clock");
    time.tv_sec() * 1_000_000_000 + time.tv_nsec()
}
