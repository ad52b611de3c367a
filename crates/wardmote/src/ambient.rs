//! The real clock and the real randomness: the only places that ask the operating system for them.

use std::time::{SystemTime, UNIX_EPOCH};
use vocabulary::{Clock, Random, Timestamp};

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the adapter that everything else takes its time from"
    )]
    fn now(&self) -> Timestamp {
        // A clock before 1970 reads as 1970, where no lease is in force.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The operating system's random number generator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    #[allow(
        clippy::disallowed_methods,
        reason = "this is the adapter that everything else takes its keys from"
    )]
    fn fill(&self, into: &mut [u8]) {
        if getrandom::fill(into).is_err() {
            // Going on would make guessable keys.
            eprintln!("wardmote: the operating system gives no randomness; cannot go on");
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_after_this_was_written_and_bytes_differ() {
        assert!(SystemClock.now().as_secs() > 1_790_000_000);
        let random: &dyn Random = &SystemRandom;
        assert_ne!(random.bytes::<32>(), random.bytes::<32>());
    }
}
