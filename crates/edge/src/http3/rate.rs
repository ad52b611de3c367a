//! How many visitors come whose address is not proved.

use std::time::Duration;
use tokio::time::Instant;

/// First packets from unproved addresses within one second that are let in; the others have to prove theirs.
pub(crate) const UNPROVED_MAX: u32 = 100;
const WINDOW: Duration = Duration::from_secs(1);

/// Counts the first packets of one endpoint.
#[derive(Debug)]
pub(super) struct Initials {
    since: Instant,
    count: u32,
}

impl Initials {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, count: 0 }
    }

    /// Counts one more; `true` where there are too many.
    pub(super) fn count(&mut self, now: Instant) -> bool {
        if now - self.since >= WINDOW {
            *self = Self::new(now);
        }
        self.count = self.count.saturating_add(1);
        self.count > UNPROVED_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_within_a_second_are_let_in_and_no_more() {
        let begin = Instant::now();
        let mut initials = Initials::new(begin);
        for second in 0..3 {
            let now = begin + Duration::from_secs(second);
            let late = (0..250).filter(|_| initials.count(now)).count();
            assert_eq!(late, 150, "second {second}");
        }
    }
}
