//! What the cache counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since start, and what is held now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Lookups that found a response for the request, fresh or not.
    pub hits: u64,
    /// Lookups that found none, those with other variants included.
    pub misses: u64,
    /// Lookups that found only other variants.
    pub vary_misses: u64,
    /// Responses stored.
    pub inserts: u64,
    /// Keys dropped to make room or by clearing, with all their variants.
    pub evictions: u64,
    /// Keys dropped on request.
    pub removals: u64,
    /// Responses that were too heavy to hold.
    pub refusals: u64,
    /// Keys held.
    pub keys: u64,
    /// Bytes held, bookkeeping included.
    pub bytes: u64,
    /// Most bytes held at once.
    pub capacity: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) vary_misses: AtomicU64,
    pub(crate) inserts: AtomicU64,
    pub(crate) evictions: AtomicU64,
    pub(crate) removals: AtomicU64,
    pub(crate) refusals: AtomicU64,
}

impl Counters {
    pub(crate) fn figures(&self) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            hits: read(&self.hits),
            misses: read(&self.misses),
            vary_misses: read(&self.vary_misses),
            inserts: read(&self.inserts),
            evictions: read(&self.evictions),
            removals: read(&self.removals),
            refusals: read(&self.refusals),
            ..Figures::default()
        }
    }
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
