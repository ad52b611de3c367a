//! What visitors' requests say about an origin: a run of failures puts it out for a while, and it comes back
//! by and by.

use crate::FULL;
use std::time::Duration;
use vocabulary::Timestamp;

/// When an origin is put out, and how it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EjectionLimits {
    /// Failures in a row that put it out; 0: it is never put out.
    pub after: u32,
    /// How long the first time; so many times as long as it was put out before it was well again.
    pub base: Duration,
    /// The longest.
    pub max: Duration,
    /// From its return until it takes its full share.
    pub slow_return: Duration,
}

/// Where an origin stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In use.
    In {
        /// Failures in a row.
        run: u32,
    },
    /// Put out, and after that on its way back.
    Out {
        /// When it returns.
        until: Timestamp,
        /// Failures in a row since its return.
        run: u32,
        /// How many times it was put out without having been well for long.
        times: u32,
    },
}

/// What one more failure comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ejecting {
    /// It stays as it was.
    Stays,
    /// It is put out now.
    Ejected,
}

impl Default for Standing {
    fn default() -> Self {
        Self::In { run: 0 }
    }
}

impl Standing {
    /// After a request that failed. `last`: no other origin is in use, so this one stays.
    #[must_use]
    pub fn failed(self, now: Timestamp, last: bool, limits: &EjectionLimits) -> (Self, Ejecting) {
        let (run, times) = match self {
            Self::In { run } => (run + 1, 0),
            // Requests that were under way when it was put out, or where all are used.
            Self::Out { until, .. } if now < until => return (self, Ejecting::Stays),
            Self::Out { run, times, .. } => (run + 1, times),
        };
        if limits.after == 0 || run < limits.after || last {
            let stays = match self {
                Self::In { .. } => Self::In { run },
                Self::Out { until, times, .. } => Self::Out { until, run, times },
            };
            return (stays, Ejecting::Stays);
        }
        let times = times.saturating_add(1);
        let until = now.plus(limits.base.saturating_mul(times).min(limits.max));
        (Self::Out { until, run: 0, times }, Ejecting::Ejected)
    }

    /// After a request that went well.
    #[must_use]
    pub fn succeeded(self, now: Timestamp, limits: &EjectionLimits) -> Self {
        match self {
            Self::In { .. } => Self::In { run: 0 },
            Self::Out { until, .. } if now < until => self,
            // Well for as long as it may at most be out: what was before is forgotten.
            Self::Out { until, .. } if now.since(until) >= limits.max => Self::In { run: 0 },
            Self::Out { until, times, .. } => Self::Out { until, run: 0, times },
        }
    }

    /// After its checks have found it up again: it comes back by and by, as from having been put out.
    #[must_use]
    pub fn returned(self, now: Timestamp) -> Self {
        let times = match self {
            Self::In { .. } => 0,
            Self::Out { times, .. } => times,
        };
        Self::Out { until: now, run: 0, times }
    }

    /// What part of its weight it takes now, in thousandths. From its return on that grows from a tenth.
    pub fn share(self, now: Timestamp, limits: &EjectionLimits) -> u16 {
        self.returns().map_or(FULL, |returns| limits.share(returns, now))
    }

    /// When it returns or returned; none: it was not put out.
    pub fn returns(self) -> Option<Timestamp> {
        match self {
            Self::In { .. } => None,
            Self::Out { until, .. } => Some(until),
        }
    }
}

impl EjectionLimits {
    /// What part of its weight an origin takes now that returns, or returned, at an instant.
    pub fn share(&self, returns: Timestamp, now: Timestamp) -> u16 {
        if now < returns {
            return 0;
        }
        share_since_return(now.since(returns), self.slow_return)
    }
}

fn share_since_return(back: Duration, slow_return: Duration) -> u16 {
    const FIRST: u128 = FULL as u128 / 10;
    if back >= slow_return {
        return FULL;
    }
    let grown = (u128::from(FULL) - FIRST) * back.as_millis() / slow_return.as_millis().max(1);
    u16::try_from(FIRST + grown).unwrap_or(FULL).min(FULL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: EjectionLimits = EjectionLimits {
        after: 3,
        base: Duration::from_secs(10),
        max: Duration::from_secs(25),
        slow_return: Duration::from_secs(10),
    };

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn run(mut standing: Standing, failures: u32, now: Timestamp) -> (Standing, Ejecting) {
        let mut ejecting = Ejecting::Stays;
        for _ in 0..failures {
            (standing, ejecting) = standing.failed(now, false, &LIMITS);
        }
        (standing, ejecting)
    }

    #[test]
    fn a_run_of_failures_puts_an_origin_out_and_it_comes_back_by_and_by() {
        let (standing, ejecting) = run(Standing::default(), 2, at(0));
        assert_eq!(ejecting, Ejecting::Stays);
        let (interrupted, _) = run(standing.succeeded(at(0), &LIMITS), 2, at(0));
        assert_eq!(interrupted.share(at(0), &LIMITS), FULL, "not in a row");
        let (out, ejecting) = run(standing, 1, at(0));
        assert_eq!(ejecting, Ejecting::Ejected);
        for (now, share) in [(0, 0), (9, 0), (10, 100), (15, 550), (20, FULL), (1000, FULL)] {
            assert_eq!(out.share(at(now), &LIMITS), share, "at {now} s");
        }
    }

    #[test]
    fn who_fails_again_is_out_for_longer_up_to_a_bound_and_time_heals() {
        let (out, _) = run(Standing::default(), 3, at(0));
        let (again, _) = run(out.succeeded(at(12), &LIMITS), 3, at(12));
        assert_eq!((again.share(at(31), &LIMITS), again.share(at(32), &LIMITS)), (0, 100));
        let (third, _) = run(again, 3, at(40));
        assert_eq!((third.share(at(64), &LIMITS), third.share(at(65), &LIMITS)), (0, 100), "25 s, not 30");
        let healed = third.succeeded(at(90), &LIMITS);
        assert_eq!(healed, Standing::default());
    }

    #[test]
    fn what_was_under_way_when_it_was_put_out_neither_helps_nor_harms() {
        let (out, _) = run(Standing::default(), 3, at(0));
        assert_eq!(run(out, 9, at(1)), (out, Ejecting::Stays));
        assert_eq!(out.succeeded(at(1), &LIMITS), out);
    }

    #[test]
    fn who_is_found_well_by_its_checks_comes_back_by_and_by_too() {
        let (out, _) = run(Standing::default(), 3, at(0));
        for standing in [Standing::default(), out] {
            let back = standing.returned(at(1));
            assert_eq!((back.share(at(1), &LIMITS), back.share(at(11), &LIMITS)), (100, FULL));
        }
    }

    #[test]
    fn the_last_one_stays() {
        let mut standing = Standing::default();
        for _ in 0..10 {
            let ejecting;
            (standing, ejecting) = standing.failed(at(0), true, &LIMITS);
            assert_eq!((ejecting, standing.share(at(0), &LIMITS)), (Ejecting::Stays, FULL));
        }
    }

    proptest! {
        #[test]
        fn a_share_only_grows_until_the_next_failure(steps in prop::collection::vec(0_i64..8, 1..20)) {
            let (out, _) = run(Standing::default(), 3, at(0));
            let (mut now, mut before) = (0, 0);
            for step in steps {
                now += step;
                let share = out.share(at(now), &LIMITS);
                prop_assert!(share >= before && share <= FULL);
                before = share;
            }
        }
    }
}
