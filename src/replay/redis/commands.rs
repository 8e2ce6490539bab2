//! What is said to the server, and what it answers.
//!
//! The name of a key is the prefix and a digest. Its value is `k` for a request that an app took, and `r` with the
//! ticket for a reservation. Neither says anything of the request.

use redis::{Cmd, Value, cmd};

use crate::replay::key::Ticket;
use crate::replay::store::{Claim, End, StoreError};
use crate::verify::Timestamp;

/// How much longer than its timestamp is accepted a request is remembered, in milliseconds: the clocks of processes
/// that share a store differ by so much, and an answer takes a moment.
const MARGIN_MILLIS: u64 = 1_000;

const KEPT: &[u8] = b"k";
const RESERVED: u8 = b'r';

/// Deletes what its owner reserved.
const RELEASE: &str =
    "if redis.call('GET',KEYS[1])==ARGV[1] then return redis.call('DEL',KEYS[1]) end return 0";
/// Puts one reservation in the place of another.
const TAKE_OVER: &str = "if redis.call('GET',KEYS[1])==ARGV[1] then \
                         redis.call('SET',KEYS[1],ARGV[2],'PX',ARGV[3]) return 1 end return 0";

/// Writes commands.
pub(super) struct Commands {
    prefix: String,
}

impl Commands {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// Reserves a request that is neither reserved nor kept: see [`is_done`].
    pub(super) fn reserve(&self, claim: Claim, now: Timestamp) -> Cmd {
        let mut command = cmd("SET");
        command
            .arg(self.key(claim))
            .arg(&reserved(claim.ticket)[..])
            .arg("NX")
            .arg("PX")
            .arg(lifetime(claim, now));
        command
    }

    /// Asks what is there: see [`found`].
    pub(super) fn look(&self, claim: Claim) -> Cmd {
        let mut command = cmd("GET");
        command.arg(self.key(claim));
        command
    }

    /// Reserves what another ticket has reserved: see [`is_one`].
    pub(super) fn take_over(&self, from: Ticket, claim: Claim, now: Timestamp) -> Cmd {
        let mut command = cmd("EVAL");
        command
            .arg(TAKE_OVER)
            .arg(1)
            .arg(self.key(claim))
            .arg(&reserved(from)[..])
            .arg(&reserved(claim.ticket)[..])
            .arg(lifetime(claim, now));
        command
    }

    /// Ends a claim. `None` where it has expired.
    pub(super) fn end(&self, claim: Claim, end: End, now: Timestamp) -> Option<Cmd> {
        if now > claim.expires_at {
            return None;
        }
        Some(match end {
            End::Kept => {
                // Whatever is there: the app has taken the request.
                let mut command = cmd("SET");
                command
                    .arg(self.key(claim))
                    .arg(KEPT)
                    .arg("PX")
                    .arg(lifetime(claim, now));
                command
            }
            End::Released => {
                let mut command = cmd("EVAL");
                command
                    .arg(RELEASE)
                    .arg(1)
                    .arg(self.key(claim))
                    .arg(&reserved(claim.ticket)[..]);
                command
            }
        })
    }

    /// Changes nothing, and is refused where nothing can be changed: see [`is_number`].
    pub(super) fn probe(&self) -> Cmd {
        let mut command = cmd("DEL");
        command.arg(format!("{}probe", self.prefix));
        command
    }

    fn key(&self, claim: Claim) -> String {
        let mut key = String::with_capacity(self.prefix.len().saturating_add(32));
        key.push_str(&self.prefix);
        key.push_str(&hex::encode(claim.key.as_bytes()));
        key
    }
}

/// How long a claim lives, in milliseconds; at least 1, because 0 is an error.
fn lifetime(claim: Claim, now: Timestamp) -> u64 {
    let left = claim.expires_at.as_millis().saturating_sub(now.as_millis());
    left.saturating_add(1).saturating_add(MARGIN_MILLIS)
}

fn reserved(ticket: Ticket) -> [u8; 17] {
    let mut value = [RESERVED; 17];
    let bytes = ticket.process.to_be_bytes().into_iter();
    let bytes = bytes.chain(ticket.number.to_be_bytes());
    for (slot, byte) in value.iter_mut().skip(1).zip(bytes) {
        *slot = byte;
    }
    value
}

/// What is there of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Reserved(Ticket),
    Kept,
}

/// What [`Commands::look`] found.
pub(super) fn found(answer: Value) -> Result<Found, StoreError> {
    match answer {
        Value::Nil => Ok(Found::Nothing),
        Value::BulkString(value) if value == KEPT => Ok(Found::Kept),
        Value::BulkString(value) => {
            let ticket = ticket(&value).ok_or(StoreError::Unexpected)?;
            Ok(Found::Reserved(ticket))
        }
        _ => Err(StoreError::Unexpected),
    }
}

fn ticket(value: &[u8]) -> Option<Ticket> {
    let (RESERVED, rest) = value.split_first().map(|(kind, rest)| (*kind, rest))? else {
        return None;
    };
    let (process, number) = rest.split_at_checked(8)?;
    Some(Ticket {
        process: u64::from_be_bytes(process.try_into().ok()?),
        number: u64::from_be_bytes(number.try_into().ok()?),
    })
}

/// Whether [`Commands::reserve`] has reserved.
pub(super) fn is_done(answer: Value) -> Result<bool, StoreError> {
    match answer {
        Value::Okay => Ok(true),
        Value::Nil => Ok(false),
        _ => Err(StoreError::Unexpected),
    }
}

/// Whether this answers [`Commands::probe`], which counts keys.
pub(super) fn is_number(answer: &Value) -> Result<(), StoreError> {
    match answer {
        Value::Int(_) => Ok(()),
        _ => Err(StoreError::Unexpected),
    }
}

/// Whether [`Commands::take_over`] has reserved.
pub(super) fn is_one(answer: Value) -> Result<bool, StoreError> {
    match answer {
        Value::Int(1) => Ok(true),
        Value::Int(0) => Ok(false),
        _ => Err(StoreError::Unexpected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::key::Key;

    const TICKET: Ticket = Ticket {
        process: 0x0102_0304_0506_0708,
        number: 0x1112_1314_1516_1718,
    };

    fn claim(expires_at: u64) -> Claim {
        Claim {
            key: Key::from_bytes([0xab; 16]),
            ticket: TICKET,
            expires_at: Timestamp::from_millis(expires_at),
            tells_taken: false,
        }
    }

    #[test]
    fn a_reservation_says_whose_it_is() {
        let value = Value::BulkString(reserved(TICKET).to_vec());
        assert_eq!(found(value).unwrap(), Found::Reserved(TICKET));
        let kept = Value::BulkString(KEPT.to_vec());
        assert_eq!(found(kept).unwrap(), Found::Kept);
        assert_eq!(found(Value::Nil).unwrap(), Found::Nothing);
    }

    #[test]
    fn what_nobody_here_wrote_is_no_answer() {
        let values: [&[u8]; 5] = [
            b"",
            b"r",
            b"k ",
            b"r1234567890123456 ",
            b"x234567890123456 ",
        ];
        for value in values {
            assert!(
                found(Value::BulkString(value.to_vec())).is_err(),
                "{value:?}"
            );
        }
        assert!(found(Value::Int(1)).is_err());
        assert!(is_done(Value::Int(1)).is_err());
        assert!(is_one(Value::Okay).is_err());
        assert!(is_number(&Value::Okay).is_err());
        assert!(is_number(&Value::Nil).is_err());
    }

    #[test]
    fn a_claim_lives_as_long_as_its_timestamp_and_a_second() {
        let at = |now| lifetime(claim(10_000), Timestamp::from_millis(now));
        assert_eq!(at(4_000), 7_001);
        assert_eq!(at(10_000), 1_001);
        assert_eq!(at(u64::MAX), 1_001);
    }

    #[test]
    fn an_expired_claim_needs_no_end() {
        let commands = Commands::new("p:");
        let end = |now| commands.end(claim(10_000), End::Kept, Timestamp::from_millis(now));
        assert!(end(10_000).is_some());
        assert!(end(10_001).is_none());
    }
}
