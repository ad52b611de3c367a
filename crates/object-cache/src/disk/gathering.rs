//! Records are handed to foyer in company: each hand-over wakes its flusher and costs a write of its own,
//! which at many misses a second is more work than all the rest of a fill.

use super::record::Record;
use crate::held::HeldKey;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a record waits for company. What a crash costs is the copies of so long.
pub(super) const GATHER_TIME: Duration = Duration::from_millis(20);

/// Records that wait to be handed over; [`super::room`] bounds their bytes.
#[derive(Default)]
pub(super) struct Gathering {
    waiting: Mutex<Vec<Waiting>>,
    /// Somebody will hand them over soon.
    is_due: AtomicBool,
}

/// One of them.
pub(super) struct Waiting {
    hash: u64,
    pub(super) key: HeldKey,
    pub(super) record: Record,
}

impl Gathering {
    /// Adds a record; whether the caller is to have them handed over after [`GATHER_TIME`].
    #[must_use]
    pub(super) fn add(&self, hash: u64, key: HeldKey, record: Record) -> bool {
        self.waiting().push(Waiting { hash, key, record });
        !self.is_due.swap(true, Ordering::AcqRel)
    }

    /// Whether a record of a key may be among them.
    pub(super) fn contains(&self, hash: u64) -> bool {
        self.waiting().iter().any(|waiting| waiting.hash == hash)
    }

    /// All that wait, in their order.
    pub(super) fn take(&self) -> Vec<Waiting> {
        // Before the records: what is added from here on needs another hand-over.
        self.is_due.store(false, Ordering::Release);
        std::mem::take(&mut *self.waiting())
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        // Entries are added and taken whole, so a poisoned list is still good.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
