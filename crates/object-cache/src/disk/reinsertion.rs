//! What is written again before its block is taken for something new: what memory still holds by then has
//! been asked for again, or it would have gone long before.
//!
//! foyer's own way to reinsert is not used: it keeps the old sequence numbers, and where these go down in a
//! block its recovery (0.22.6) gives the rest of the block up. So its filter never admits; it writes the
//! record anew from memory.
//!
//! Invariant: less is written again than half of what comes new, so that a disk as small as memory comes to
//! rest.

use super::versions::Seen;
use foyer::{Statistics, StorageFilterCondition, StorageFilterResult};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Writes the record of a key again, by the key's hash; says how many bytes that were, if any.
pub(super) type Rewrite = Box<dyn Fn(u64) -> Option<usize> + Send + Sync>;

#[derive(Default)]
pub(super) struct Reinsertion {
    /// Set once the store is open.
    pub(super) rewrite: OnceLock<Rewrite>,
    /// Bytes that may be written again.
    pub(super) budget: Budget,
    /// Which keys the disk may have a record of. Those of a cleared block stay among them: foyer forgets them before
    /// their bytes are gone, and a crash in between brings them back.
    pub(super) seen: Seen,
}

/// Half of the bytes written new, up to a bound, less those written again.
#[derive(Default)]
pub(super) struct Budget(AtomicU64);

const BUDGET_BYTES_MAX: u64 = 256 << 20;

impl Budget {
    pub(super) fn earn(&self, written: usize) {
        let earned = |budget: u64| Some((budget + written as u64 / 2).min(BUDGET_BYTES_MAX));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, earned);
    }

    fn has(&self, bytes: usize) -> bool {
        self.0.load(Ordering::Relaxed) >= bytes as u64
    }

    fn spend(&self, bytes: usize) {
        let spent = |budget: u64| Some(budget.saturating_sub(bytes as u64));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent);
    }
}

/// What foyer asks about every record of a block that it is about to clear.
#[derive(Clone)]
pub(super) struct HitAgain(pub(super) Arc<Reinsertion>);

impl std::fmt::Debug for HitAgain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HitAgain")
    }
}

impl StorageFilterCondition for HitAgain {
    fn filter(&self, _: &Arc<Statistics>, hash: u64, estimated_size: usize) -> StorageFilterResult {
        self.0.seen.add(hash);
        if self.0.budget.has(estimated_size)
            && let Some(rewrite) = self.0.rewrite.get()
            && let Some(bytes) = rewrite(hash)
        {
            self.0.budget.spend(bytes);
        }
        StorageFilterResult::Reject
    }
}
