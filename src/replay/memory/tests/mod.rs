//! The store against a plain one, and with threads in the orders in which they can run.

mod model;
mod orders;
mod threads;

use crate::replay::key::{Key, Ticket};
use crate::replay::store::Claim;
use crate::verify::Timestamp;

/// A claim of the request with this number.
fn claim(request: u64, ticket: u64, expires_at: u64) -> Claim {
    let mut key = [0; 16];
    // Spread over shards and buckets as digests are.
    let mixed =
        u128::from(request.wrapping_add(1)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    key.copy_from_slice(&mixed.to_be_bytes());
    Claim {
        key: Key::from_bytes(key),
        ticket: Ticket {
            process: 0,
            number: ticket,
        },
        expires_at: Timestamp::from_millis(expires_at),
        tells_taken: false,
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn counter() -> prometheus::IntCounter {
    prometheus::IntCounter::new("evicted", "-").unwrap()
}
