//! How one origin fares, for all workers: what its checks found, and whether visitors' failed requests have put
//! it out.
//!
//! Reading is for every request and takes two loads; writing is for failures and what follows them.

use balance::{Ejecting, EjectionLimits, FULL, Standing};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use vocabulary::Timestamp;

/// No origin was put out at this instant.
const NEVER: i64 = i64::MIN;

/// One origin's condition.
pub(crate) struct Condition {
    /// Whether its checks say that it is down.
    down: AtomicBool,
    /// When it returns or returned from having been put out, in milliseconds. Follows `standing`.
    returns_ms: AtomicI64,
    /// Whether `standing` holds more than nothing. Follows it.
    noted: AtomicBool,
    standing: Mutex<Standing>,
    pub(super) failures: AtomicU64,
    pub(super) ejections: AtomicU64,
}

impl Default for Condition {
    fn default() -> Self {
        Self {
            down: AtomicBool::new(false),
            returns_ms: AtomicI64::new(NEVER),
            noted: AtomicBool::new(false),
            standing: Mutex::default(),
            failures: AtomicU64::new(0),
            ejections: AtomicU64::new(0),
        }
    }
}

impl Condition {
    /// What part of its weight it takes now, in thousandths.
    pub(crate) fn share(&self, now: Timestamp, limits: &EjectionLimits) -> u16 {
        if self.down.load(Ordering::Relaxed) {
            return 0;
        }
        match self.returns_ms.load(Ordering::Relaxed) {
            NEVER => FULL,
            returns => limits.share(Timestamp::from_millis(returns), now),
        }
    }

    /// Whether its checks say that it is up.
    pub(crate) fn is_up(&self) -> bool {
        !self.down.load(Ordering::Relaxed)
    }

    /// What its checks say from here on.
    pub(super) fn set_up(&self, up: bool) {
        self.down.store(!up, Ordering::Relaxed);
    }

    /// Its checks have found it up again: it comes back by and by.
    pub(super) fn returned(&self, now: Timestamp) {
        let mut standing = self.standing();
        *standing = standing.returned(now);
        self.follow(*standing);
        self.set_up(true);
    }

    /// A request went well.
    pub(super) fn succeeded(&self, now: Timestamp, limits: &EjectionLimits) {
        if !self.noted.load(Ordering::Relaxed) {
            return;
        }
        // Nobody waits to say that all is well: the next one says it too.
        let mut standing = match self.standing.try_lock() {
            Ok(standing) => standing,
            Err(TryLockError::Poisoned(standing)) => standing.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        *standing = standing.succeeded(now, limits);
        self.follow(*standing);
    }

    /// A request failed. `last`: no other origin is in use.
    pub(super) fn failed(&self, now: Timestamp, last: bool, limits: &EjectionLimits) -> Ejecting {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut standing = self.standing();
        let (next, ejecting) = standing.failed(now, last, limits);
        *standing = next;
        self.follow(next);
        if ejecting == Ejecting::Ejected {
            self.ejections.fetch_add(1, Ordering::Relaxed);
        }
        ejecting
    }

    fn follow(&self, standing: Standing) {
        let returns = standing.returns().map_or(NEVER, Timestamp::as_millis);
        self.returns_ms.store(returns, Ordering::Relaxed);
        self.noted.store(standing != Standing::default(), Ordering::Relaxed);
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        // Written whole, so a poisoned one is still good.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
