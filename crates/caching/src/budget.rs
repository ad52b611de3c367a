//! How many new answers of one site are stored in a while: the bound on cache busting.
//!
//! A visitor who asks for `/?1`, `/?2` and so on makes every answer a new one. Each costs the origin a
//! request, which is for the shield to bound; here it is kept from pushing other sites' answers, and the
//! site's own, out of the store. Refreshing what is held costs nothing.

use std::sync::atomic::{AtomicI64, Ordering};
use vocabulary::Timestamp;

/// A rate with room for a burst, as one number: the instant at which it would be used up no further (GCRA,
/// ITU-T I.371 annex A). Shared without a lock.
#[derive(Debug)]
pub struct MissBudget {
    /// Microseconds that one answer takes.
    each_us: i64,
    /// Microseconds that may be taken in advance.
    ahead_us: i64,
    /// When all that was taken will have been earned, in microseconds since 1970.
    earned_us: AtomicI64,
}

impl MissBudget {
    /// So many answers a second, and so many at once after a quiet time; at least one of each.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let each_us = (1_000_000 / i64::from(per_second.max(1))).max(1);
        let ahead_us = each_us.saturating_mul(i64::from(burst.max(1)));
        Self { each_us, ahead_us, earned_us: AtomicI64::new(0) }
    }

    /// Takes one answer out of the budget; `false` when it is used up, and nothing is taken.
    pub fn take(&self, now: Timestamp) -> bool {
        let now_us = now.as_millis().saturating_mul(1000);
        let limit = now_us.saturating_add(self.ahead_us);
        let taken = |earned: i64| {
            let next = earned.max(now_us).saturating_add(self.each_us);
            (next <= limit).then_some(next)
        };
        self.earned_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }
}

impl Default for MissBudget {
    /// 500 a second, 20,000 at once: a cold cache warms within a minute, a flood does not fill it.
    fn default() -> Self {
        Self::new(500, 20_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(budget: &MissBudget, at_ms: i64, tries: usize) -> usize {
        (0..tries).filter(|_| budget.take(Timestamp::from_millis(at_ms))).count()
    }

    #[test]
    fn a_burst_passes_then_the_rate() {
        let budget = MissBudget::new(10, 5);
        let start = 1_795_348_800_000;
        assert_eq!(taken(&budget, start, 100), 5);
        assert_eq!(taken(&budget, start + 99, 100), 0);
        assert_eq!(taken(&budget, start + 100, 100), 1);
        assert_eq!(taken(&budget, start + 1100, 100), 5, "no more than a burst is saved up");
        assert_eq!(taken(&budget, start + 500, 100), 0, "a clock set back earns nothing");
    }

    #[test]
    fn a_flood_of_random_queries_gets_no_more_than_the_budget() {
        let budget = MissBudget::default();
        let start = 1_795_348_800_000;
        let stored: usize = (0..10_000).map(|ms| taken(&budget, start + ms, 10)).sum();
        assert!((24_900..=25_001).contains(&stored), "{stored} of 100,000 in ten seconds");
    }

    #[test]
    fn no_figures_make_it_panic() {
        for (rate, burst) in [(0, 0), (u32::MAX, u32::MAX), (1, u32::MAX)] {
            let budget = MissBudget::new(rate, burst);
            for at in [i64::MIN, -1, 0, i64::MAX] {
                budget.take(Timestamp::from_millis(at));
            }
        }
    }
}
