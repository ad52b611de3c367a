//! What an origin's own checks say about it.

use std::time::Duration;

/// How many checks in a row turn the finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Failed ones, until it is taken to be down; from 1.
    pub fall: u8,
    /// Passed ones, until it is taken to be up again; from 1.
    pub rise: u8,
}

/// What the checks of one origin have found so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    /// It is up; so many checks in a row have failed lately.
    Up {
        /// Fewer than `fall`.
        failures: u8,
    },
    /// It is down; so many checks in a row have passed lately.
    Down {
        /// Fewer than `rise`.
        successes: u8,
    },
}

/// A finding that has turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is up now.
    Rose,
    /// It is down now.
    Fell,
}

impl Default for Probed {
    /// Until the first check has been made nothing speaks against it.
    fn default() -> Self {
        Self::Up { failures: 0 }
    }
}

impl Probed {
    /// Whether requests may go there.
    pub fn is_up(self) -> bool {
        matches!(self, Self::Up { .. })
    }

    /// The finding after one more check.
    #[must_use]
    pub fn after(self, passed: bool, thresholds: Thresholds) -> (Self, Option<Change>) {
        match (self, passed) {
            (Self::Up { .. }, true) => (Self::Up { failures: 0 }, None),
            (Self::Down { .. }, false) => (Self::Down { successes: 0 }, None),
            (Self::Up { failures }, false) if failures + 1 >= thresholds.fall => {
                (Self::Down { successes: 0 }, Some(Change::Fell))
            }
            (Self::Up { failures }, false) => (Self::Up { failures: failures + 1 }, None),
            (Self::Down { successes }, true) if successes + 1 >= thresholds.rise => {
                (Self::Up { failures: 0 }, Some(Change::Rose))
            }
            (Self::Down { successes }, true) => (Self::Down { successes: successes + 1 }, None),
        }
    }
}

/// The time to the next check: the interval less up to a quarter, so that many edges and many origins do not
/// ask in step. `drawn` is any number.
pub fn jittered(interval: Duration, drawn: u64) -> Duration {
    interval - interval.mul_f64((drawn % 1024) as f64 / 4096.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_turns_only_after_so_many_checks_in_a_row() {
        let thresholds = Thresholds { fall: 3, rise: 2 };
        let mut probed = Probed::default();
        for (step, (passed, up, changed)) in [
            (false, true, None),
            (false, true, None),
            (true, true, None),
            (false, true, None),
            (false, true, None),
            (false, false, Some(Change::Fell)),
            (true, false, None),
            (false, false, None),
            (true, false, None),
            (true, true, Some(Change::Rose)),
            (false, true, None),
        ]
        .into_iter()
        .enumerate()
        {
            let (next, change) = probed.after(passed, thresholds);
            probed = next;
            assert_eq!((probed.is_up(), change), (up, changed), "step {step}");
        }
    }

    #[test]
    fn checks_come_between_three_quarters_of_the_interval_and_the_whole() {
        let interval = Duration::from_secs(8);
        for drawn in [0, 1, 511, 1023, 1024, u64::MAX] {
            let next = jittered(interval, drawn);
            assert!(next <= interval && next >= interval * 3 / 4, "{drawn}: {next:?}");
        }
        assert_ne!(jittered(interval, 1), jittered(interval, 700));
    }
}
