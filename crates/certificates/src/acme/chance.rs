//! Spans by chance.

use std::time::Duration;
use vocabulary::Random;

/// A span below a bound, in milliseconds; none of it where the bound is none.
pub(crate) fn below(bound: Duration, random: &dyn Random) -> Duration {
    let bound = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
    let drawn = u64::from_be_bytes(random.bytes());
    Duration::from_millis(drawn.checked_rem(bound).unwrap_or(0))
}
