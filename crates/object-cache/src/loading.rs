//! Lookups that go on to the disk.

use crate::cache::{Lookup, ObjectCache, weight};
use crate::counters::count;
use crate::disk::{DiskStore, Loaded, Payload};
use crate::held::{Content, Held, HeldKey, Probe};
use crate::variants::Variants;
use caching::{KeyRef, Request, Verdict};
use std::sync::Arc;

impl ObjectCache {
    /// What memory or else the disk holds under a key for a request. The wait for the disk is bounded; what
    /// does not come in time is `Absent`. What comes is held in memory again.
    pub async fn load(&self, key: &KeyRef<'_>, request: &Request<'_>) -> Lookup {
        let Some(disk) = self.disk() else { return self.get(key, request) };
        let owned = key.with_bytes(HeldKey::new);
        if self.memory.contains(&Probe(owned.as_bytes())) {
            return self.get(key, request);
        }
        match disk.load(&owned).await {
            Loaded::Record { written, payload: Payload::Responses(variants) } => {
                self.promote(disk, (key, owned), written, variants, request)
            }
            Loaded::Record { .. } | Loaded::Absent | Loaded::Failed => Lookup::Absent,
        }
    }

    /// Holds in memory what was read, as far as it may be used, unless something newer is held by now.
    fn promote(
        &self,
        disk: &Arc<DiskStore>,
        (key, owned): (&KeyRef<'_>, HeldKey),
        written: u64,
        variants: Variants,
        request: &Request<'_>,
    ) -> Lookup {
        let stripe = self.stripe(owned.as_bytes());
        if self.memory.contains(&Probe(owned.as_bytes())) {
            drop(stripe);
            return self.get(key, request);
        }
        let usable = match disk.is_outdated(&owned, written) {
            true => None,
            false => self.usable(disk, key, &variants),
        };
        let Some(usable) = usable else {
            count(&self.counters.disk_outdated);
            disk.forget(&owned);
            return Lookup::Absent;
        };
        let selected = usable.select(request).cloned();
        let held = Held { owner: self.owner(key.site), content: Content::Responses(usable) };
        if weight(&owned, &held) <= self.entry_bytes_max {
            self.hold(owned, held, true);
        }
        drop(stripe);
        let Some(response) = selected else { return Lookup::OtherVariant };
        count(&self.counters.disk_hits);
        self.as_it_stands(key, response)
    }

    /// What of a record no purge has taken.
    fn usable(&self, disk: &DiskStore, key: &KeyRef<'_>, variants: &Variants) -> Option<Variants> {
        let stays = variants.each().filter(|response| {
            let standing = response.standing();
            let fill = standing.sequence();
            standing.set_fill(fill, disk.stamp(fill, standing.fetched()));
            self.purges.judge(key, response) != Verdict::Gone
        });
        Variants::of(stays.cloned().collect())
    }
}
