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
    /// Times something new was left out of memory because its account had had its share.
    pub share_refusals: u64,
    /// Keys held.
    pub keys: u64,
    /// Bytes held, bookkeeping included.
    pub bytes: u64,
    /// Most bytes held at once.
    pub capacity: u64,
    /// Lookups that memory had nothing for and the disk had.
    pub disk_hits: u64,
    /// Records given to the disk, slices included.
    pub disk_writes: u64,
    /// Records written again before their place was taken.
    pub disk_rewrites: u64,
    /// Records not given to the disk, because too many were waiting.
    pub disk_drops: u64,
    /// Reads that did not end in time; the request went on without them.
    pub disk_timeouts: u64,
    /// Reads and journal writes that failed.
    pub disk_errors: u64,
    /// Reads left out, because the disk was failing or too many were under way.
    pub disk_skips: u64,
    /// Records that were damaged, of another version, or not of the key asked for.
    pub disk_unreadable: u64,
    /// Records not used, because they were purged or replaced since they were written.
    pub disk_outdated: u64,
    /// Times the disk's store was opened anew, because it had lost what it was given.
    pub disk_reopenings: u64,
    /// Bytes that wait to be written.
    pub disk_queued: u64,
    /// Most bytes on disk; none without a disk.
    pub disk_capacity: u64,
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
    pub(crate) share_refusals: AtomicU64,
    pub(crate) disk_hits: AtomicU64,
    pub(crate) disk_writes: AtomicU64,
    pub(crate) disk_rewrites: AtomicU64,
    pub(crate) disk_drops: AtomicU64,
    pub(crate) disk_timeouts: AtomicU64,
    pub(crate) disk_errors: AtomicU64,
    pub(crate) disk_skips: AtomicU64,
    pub(crate) disk_unreadable: AtomicU64,
    pub(crate) disk_outdated: AtomicU64,
    pub(crate) disk_reopenings: AtomicU64,
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
            share_refusals: read(&self.share_refusals),
            disk_hits: read(&self.disk_hits),
            disk_writes: read(&self.disk_writes),
            disk_rewrites: read(&self.disk_rewrites),
            disk_drops: read(&self.disk_drops),
            disk_timeouts: read(&self.disk_timeouts),
            disk_errors: read(&self.disk_errors),
            disk_skips: read(&self.disk_skips),
            disk_unreadable: read(&self.disk_unreadable),
            disk_outdated: read(&self.disk_outdated),
            disk_reopenings: read(&self.disk_reopenings),
            ..Figures::default()
        }
    }
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
