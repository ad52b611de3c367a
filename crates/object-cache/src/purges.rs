//! What has been purged, and how held responses are compared with it.
//!
//! A hit compares one number: the generation, which rises with every purge of any site. Only where it has
//! risen since the last look is a response judged against the epochs, once, and marked again.

use crate::response::StoredResponse;
use caching::{EntryFacts, Epochs, KeyRef, PurgeWindow, Stamp, Verdict};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

#[derive(Default)]
pub(crate) struct Purges {
    epochs: RwLock<Epochs>,
    generation: AtomicU64,
    /// That of `epochs`, to be read without its lock. Never ahead of it.
    stamp: AtomicU64,
}

impl Purges {
    pub(crate) fn new(epochs: Epochs) -> Self {
        let stamp = AtomicU64::new(epochs.stamp().as_u64());
        Self { epochs: RwLock::new(epochs), generation: AtomicU64::new(0), stamp }
    }

    /// What a response must have been compared with to be sent without another look.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// What a fetch that begins now is younger than.
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp.load(Ordering::Acquire)
    }

    pub(crate) fn held_revision(&self) -> u64 {
        self.read().held_revision()
    }

    /// The epochs as they are now, with what `also` takes down at the same moment.
    pub(crate) fn snapshot<T>(&self, also: impl FnOnce() -> T) -> (Epochs, T) {
        let epochs = self.read();
        (epochs.clone(), also())
    }

    /// Applies what is new in a window. `write_down` is shown that first, in the order of all events, if
    /// there is anything. Returns the revision held now.
    pub(crate) fn apply(&self, window: &PurgeWindow, write_down: impl FnOnce(&PurgeWindow)) -> u64 {
        let mut epochs = self.write();
        let held = epochs.held_revision();
        if window.revision() > held {
            let news = window.purges.iter().filter(|purge| purge.revision > held).cloned();
            let news = PurgeWindow { after: window.after, purges: news.collect() };
            write_down(&news);
            epochs.apply_window(&news);
            self.stamp.store(epochs.stamp().as_u64(), Ordering::Release);
            self.generation.fetch_add(1, Ordering::Release);
        }
        epochs.held_revision()
    }

    /// Refuses what was fetched from an address until now, on both schemes. The generation stays: the caller
    /// drops what memory holds.
    pub(crate) fn invalidate(&self, key: &KeyRef<'_>, write_down: impl FnOnce()) {
        let mut epochs = self.write();
        write_down();
        epochs.invalidate(key.site, key.host, key.port, &target(key));
        self.stamp.store(epochs.stamp().as_u64(), Ordering::Release);
    }

    /// Compares a response with all purges and marks it accordingly.
    pub(crate) fn judge(&self, key: &KeyRef<'_>, response: &StoredResponse) -> Verdict {
        let standing = response.standing();
        // Read before the epochs: a purge in between makes the mark old, and the next hit looks again.
        let generation = self.generation();
        let facts = EntryFacts {
            site: key.site,
            host: key.host,
            port: key.port,
            path: key.path,
            query: key.query,
            tags: response.stored().tags(),
            fetched: Stamp::from_u64(standing.fetched()),
        };
        let verdict = self.read().judge(&facts);
        match verdict {
            Verdict::Current => standing.check(generation, false),
            Verdict::SoftStale => standing.check(generation, true),
            Verdict::Gone => {}
        }
        verdict
    }

    fn read(&self) -> RwLockReadGuard<'_, Epochs> {
        // Tables are changed entry by entry: one that a panic cut short is still a table.
        self.epochs.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Epochs> {
        self.epochs.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Path and query as one.
pub(crate) fn target(key: &KeyRef<'_>) -> Vec<u8> {
    match key.query {
        Some(query) => [key.path, b"?", query].concat(),
        None => key.path.to_vec(),
    }
}
