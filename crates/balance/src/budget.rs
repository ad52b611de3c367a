//! How many requests may be sent a second time: a share of all, so that retries never double the load on
//! origins that are failing already.

use std::sync::atomic::{AtomicU32, Ordering};

/// What one retry costs.
const RETRY: u32 = 100;
/// Retries that may be saved up, and that there are from the start.
const SAVED_MAX: u32 = 20;

/// One site's budget. Shared by all workers; no locks.
#[derive(Debug)]
pub struct RetryBudget {
    saved: AtomicU32,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { saved: AtomicU32::new(SAVED_MAX * RETRY) }
    }
}

impl RetryBudget {
    /// Counts a request; `percent` of a retry comes in for it.
    pub fn earn(&self, percent: u8) {
        // Read first: while nothing fails there is nothing to write.
        let saved = self.saved.load(Ordering::Relaxed);
        if saved < SAVED_MAX * RETRY {
            let earned = (saved + u32::from(percent)).min(SAVED_MAX * RETRY);
            // Who loses the race leaves this one request out of it.
            let _ = self.saved.compare_exchange(saved, earned, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Takes one retry out; false: there is none.
    pub fn spend(&self) -> bool {
        let spend = |saved: u32| saved.checked_sub(RETRY);
        self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_share_of_requests_once_what_was_saved_is_spent() {
        let budget = RetryBudget::default();
        assert_eq!((0..1000).filter(|_| budget.spend()).count(), 20);
        let mut retries = 0;
        for _ in 0..1000 {
            budget.earn(20);
            retries += u32::from(budget.spend());
        }
        assert_eq!(retries, 200);
        for _ in 0..100_000 {
            budget.earn(20);
        }
        assert_eq!((0..1000).filter(|_| budget.spend()).count(), 20, "no more than so many are saved up");
    }

    #[test]
    fn without_a_share_nothing_comes_in() {
        let budget = RetryBudget::default();
        while budget.spend() {}
        budget.earn(0);
        assert!(!budget.spend());
    }
}
