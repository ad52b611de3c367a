//! Exchanges that wait for visitors who take nothing: where an origin's connections are all in use, the one that has waited
//! longest gives its connection up to somebody who asks.
//!
//! Such visitors come from as many networks as an attacker likes, so no share for each network keeps them off.
//!
//! Invariants: while an origin has few connections nothing is noted here; whose piece of an answer has waited for less than
//! [`STALL_LEAST`] is never cut off.

use super::pool::OPEN_MAX;
use futures_util::task::AtomicWaker;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// From so many connections on it is noted who takes nothing. Who came before that is never cut off, so these are few.
pub(super) const NOTED_FROM: usize = OPEN_MAX / 64;
/// A visitor for whom a piece has waited so long may be cut off.
pub(super) const STALL_LEAST: Duration = Duration::from_secs(1);

/// One exchange's wait for its visitor; it ends where it is dropped.
pub(super) struct Stall {
    since: Instant,
    waker: AtomicWaker,
    is_cut: AtomicBool,
}

/// Those of one worker's connections to one origin, the oldest first.
#[derive(Default)]
pub(super) struct Stalls(Mutex<VecDeque<Weak<Stall>>>);

impl Stall {
    /// Whether it has given its connection up; to be asked again whenever `waker`'s task is woken.
    pub(super) fn is_cut(&self, waker: &std::task::Waker) -> bool {
        self.waker.register(waker);
        self.is_cut.load(Ordering::Acquire)
    }
}

impl Stalls {
    /// One begins to wait.
    pub(super) fn begin(&self) -> Arc<Stall> {
        let stall = Arc::new(Stall {
            since: Instant::now(),
            waker: AtomicWaker::new(),
            is_cut: AtomicBool::new(false),
        });
        let mut all = self.all();
        if all.len() >= 2 * OPEN_MAX {
            all.retain(|stall| stall.strong_count() > 0);
        }
        all.push_back(Arc::downgrade(&stall));
        stall
    }

    /// Has the one that has waited longest give up; false where none has waited for long.
    pub(super) fn cut_oldest(&self) -> bool {
        let mut all = self.all();
        while let Some(oldest) = all.front() {
            let Some(stall) = oldest.upgrade() else {
                all.pop_front();
                continue;
            };
            if stall.since.elapsed() < STALL_LEAST {
                return false;
            }
            all.pop_front();
            stall.is_cut.store(true, Ordering::Release);
            stall.waker.wake();
            return true;
        }
        false
    }

    /// It is whole at each step, so a poisoned one is still good.
    fn all(&self) -> MutexGuard<'_, VecDeque<Weak<Stall>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    #[tokio::test(start_paused = true)]
    async fn who_has_waited_longest_gives_up_and_nobody_within_a_second() {
        let stalls = Stalls::default();
        let gone = stalls.begin();
        let oldest = stalls.begin();
        drop(gone);
        assert!(!stalls.cut_oldest(), "it has only begun");
        tokio::time::advance(STALL_LEAST).await;
        let youngest = stalls.begin();
        assert!(!oldest.is_cut(Waker::noop()));
        assert!(stalls.cut_oldest());
        assert!(oldest.is_cut(Waker::noop()) && !youngest.is_cut(Waker::noop()));
        assert!(!stalls.cut_oldest(), "the youngest takes something still");
    }

    #[tokio::test(start_paused = true)]
    async fn waits_that_are_over_take_no_memory() {
        let stalls = Stalls::default();
        for _ in 0..10 * OPEN_MAX {
            drop(stalls.begin());
        }
        assert!(stalls.all().len() <= 2 * OPEN_MAX);
    }
}
