//! Taking things out: purges, invalidations, and single responses.

use crate::cache::ObjectCache;
use crate::counters::count;
use crate::held::{Content, Held, HeldKey, Probe};
use crate::journal::{Event, JournalError, Ticket};
use crate::response::StoredResponse;
use crate::variants::Without;
use caching::{KeyRef, PurgeWindow, Scheme};
use std::sync::Arc;

impl ObjectCache {
    /// Applies the purges of a window that are not held yet, and returns the revision held then. From here
    /// on nothing is found that was fetched before them, whenever its fetch ends. Blocks until the disk holds
    /// them too.
    ///
    /// An error says that they are in force but might be forgotten in a crash; calling again tries again.
    pub fn apply(&self, window: &PurgeWindow) -> Result<u64, JournalError> {
        let Some(disk) = self.disk() else { return Ok(self.purges.apply(window, |_| {})) };
        let held = self.purges.apply(window, |news| {
            let _ = disk.journal().add(&Event::Purged(news));
        });
        // Also where there was no news: what another call has added may not be on disk yet.
        disk.settle(disk.journal().latest())?;
        disk.tidy(&self.purges);
        Ok(held)
    }

    /// The revision of the last purge applied.
    pub fn held_revision(&self) -> u64 {
        self.purges.held_revision()
    }

    /// Drops all variants of an address, on both schemes, and refuses fills under way (RFC 9111 §4.4).
    /// Returns whether memory held any. That it holds after a crash too is only a matter of time;
    /// [`ObjectCache::remove_durably`] waits for it.
    pub fn remove(&self, key: &KeyRef<'_>) -> bool {
        let (removed, ticket) = self.remove_now(key);
        if let (Some(disk), Some(ticket)) = (self.disk(), ticket) {
            disk.settle_soon(ticket);
        }
        removed
    }

    /// The same, and returns once what was dropped cannot come back after a crash. `false` where the disk
    /// could not promise that.
    pub async fn remove_durably(&self, key: &KeyRef<'_>) -> bool {
        let (_, ticket) = self.remove_now(key);
        match (self.disk(), ticket) {
            (Some(disk), Some(ticket)) => disk.settling(ticket).await,
            _ => true,
        }
    }

    fn remove_now(&self, key: &KeyRef<'_>) -> (bool, Option<Ticket>) {
        let other = match key.scheme {
            Scheme::Http => Scheme::Https,
            Scheme::Https => Scheme::Http,
        };
        let keys = [*key, KeyRef { scheme: other, ..*key }].map(|key| key.with_bytes(HeldKey::new));
        let removed = keys.each_ref().map(|key| self.remove_from_memory(key)).contains(&true);
        // Looked at only now: a fill that was let through above has left its trace by now.
        let Some(disk) = self.disk().filter(|disk| keys.iter().any(|key| disk.may_hold(key))) else {
            return (removed, None);
        };
        let mut ticket = None;
        self.purges.invalidate(key, || ticket = Some(disk.journal().add(&Event::Invalidated(key))));
        for key in &keys {
            // Again: a read from disk may have come in before the invalidation.
            self.remove_from_memory(key);
            disk.forget(key);
        }
        disk.tidy(&self.purges);
        (removed, ticket)
    }

    fn remove_from_memory(&self, key: &HeldKey) -> bool {
        let mut stripe = self.stripe(key.as_bytes());
        stripe.note();
        let removed = self.memory.remove(&Probe(key.as_bytes())).is_some();
        if removed {
            count(&self.counters.removals);
        }
        removed
    }

    /// Drops one response, if it is still the one held: a purged one, or one whose origin has another now.
    pub fn drop_response(&self, key: &KeyRef<'_>, response: &Arc<StoredResponse>) {
        let owned = key.with_bytes(HeldKey::new);
        let _stripe = self.stripe(owned.as_bytes());
        let entry = self.memory.get(&Probe(owned.as_bytes()));
        let Some(held) = entry.as_ref().and_then(|entry| entry.value().responses()) else { return };
        let left = held.without(response);
        if matches!(left, Without::Same) {
            return;
        }
        count(&self.counters.removals);
        if let Some(disk) = self.disk().filter(|disk| disk.may_hold(&owned)) {
            disk.outdate(&owned, response.standing().sequence() + 1);
            disk.forget(&owned);
        }
        match left {
            Without::Others(others) => {
                let held = Held { owner: self.owner(key.site), content: Content::Responses(others) };
                self.hold(owned, held, false);
            }
            Without::Same | Without::Nothing => drop(self.memory.remove(&Probe(owned.as_bytes()))),
        }
    }
}
