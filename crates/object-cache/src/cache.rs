//! The store: foyer's sharded memory cache with S3-FIFO eviction.
//!
//! S3-FIFO because a hit then needs only a shared lock and one-time visitors (crawlers, random queries) do
//! not push out what is asked for often.

use crate::counters::{Counters, Figures, count};
use crate::hasher::{HeldKey, KeyedHasher, Probe};
use crate::response::StoredResponse;
use crate::variants::Variants;
use caching::{KeyRef, Request};
use foyer::{Cache, CacheBuilder, Event, EventListener, S3FifoConfig};
use std::hash::BuildHasher;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use vocabulary::Random;

/// Stored responses, bounded in bytes. Shared by all workers behind an `Arc`.
pub struct ObjectCache {
    cache: Cache<HeldKey, Variants, KeyedHasher>,
    hasher: KeyedHasher,
    counters: Arc<Counters>,
    /// One writer per key at a time, so that two variants stored at once are both kept. Each stripe holds
    /// how often something of it was dropped on request.
    stripes: Box<[Mutex<u64>]>,
    entry_bytes_max: usize,
    capacity: usize,
}

/// Leave to store what a fetch brings, taken before the fetch begins. Something fetched before its key was
/// dropped is as old as what was dropped, and is refused (RFC 9111 §4.4).
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Fill {
    drops: u64,
}

/// What became of a response given to [`ObjectCache::insert`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is held.
    Stored,
    /// Too heavy to hold; what was held stays.
    TooHeavy,
    /// Its key was dropped since the fetch began.
    Dropped,
}

/// What is held for a request.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// A response selected by the request; whether it may be sent is for [`caching::reuse`] to say.
    Found(Arc<StoredResponse>),
    /// The key is held, for requests with other fields.
    OtherVariant,
    /// Nothing under this key.
    Absent,
}

/// A shard of this size holds several of the largest bodies and still evicts smoothly.
const SHARD_BYTES: usize = 16 << 20;
const SHARDS_MAX: usize = 64;
/// A drop also refuses fills under way for one in so many other keys.
const STRIPES: usize = 1024;
/// Record, index slot, queue links and counts of foyer for one key, estimated.
const ENTRY_BYTES: usize = 256;

impl ObjectCache {
    /// An empty cache that holds at most `capacity_bytes`; `random` gives the hash secret.
    pub fn new(capacity_bytes: u64, random: &dyn Random) -> Self {
        let capacity = usize::try_from(capacity_bytes).unwrap_or(usize::MAX);
        let shards = (capacity / SHARD_BYTES).clamp(1, SHARDS_MAX);
        let hasher = KeyedHasher::new(random);
        let counters = Arc::new(Counters::default());
        let cache = CacheBuilder::new(capacity)
            .with_name("wardmote")
            .with_shards(shards)
            .with_eviction_config(S3FifoConfig::default())
            .with_hash_builder(hasher.clone())
            .with_weighter(weight)
            .with_event_listener(Arc::new(Departures(counters.clone())))
            .build();
        let stripes = (0..STRIPES).map(|_| Mutex::new(0)).collect();
        // foyer makes room for an entry before it looks at its size: one heavier than its shard would empty
        // the shard and still not fit.
        let entry_bytes_max = capacity / shards / 2;
        Self { cache, hasher, counters, stripes, entry_bytes_max, capacity }
    }

    /// What is held under a key for a request.
    pub fn get(&self, key: &KeyRef<'_>, request: &Request<'_>) -> Lookup {
        let held = key.with_bytes(|bytes| self.cache.get(&Probe(bytes)));
        match held.as_ref().map(|entry| entry.value().select(request)) {
            Some(Some(response)) => {
                count(&self.counters.hits);
                Lookup::Found(response.clone())
            }
            Some(None) => {
                count(&self.counters.misses);
                count(&self.counters.vary_misses);
                Lookup::OtherVariant
            }
            None => {
                count(&self.counters.misses);
                Lookup::Absent
            }
        }
    }

    /// Call before the request goes to the origin.
    pub fn begin(&self, key: &KeyRef<'_>) -> Fill {
        Fill { drops: key.with_bytes(|bytes| *self.stripe(bytes)) }
    }

    /// Publishes a whole response under the key that `fill` was begun for, in place of the one with the
    /// same secondary key.
    pub fn insert(&self, key: &KeyRef<'_>, fill: Fill, response: Arc<StoredResponse>) -> Inserted {
        let owned = HeldKey(key.to_key());
        let drops = self.stripe(owned.0.as_bytes());
        if *drops != fill.drops {
            return Inserted::Dropped;
        }
        let held = self.cache.get(&Probe(owned.0.as_bytes()));
        let variants = match held.as_ref() {
            Some(entry) => entry.value().with(response),
            None => Variants::one(response),
        };
        if weight(&owned, &variants) > self.entry_bytes_max {
            count(&self.counters.refusals);
            return Inserted::TooHeavy;
        }
        self.cache.insert(owned, variants);
        count(&self.counters.inserts);
        Inserted::Stored
    }

    /// Drops all variants of a key and refuses fills under way. Returns whether any were held.
    pub fn remove(&self, key: &KeyRef<'_>) -> bool {
        key.with_bytes(|bytes| {
            let mut drops = self.stripe(bytes);
            *drops = drops.wrapping_add(1);
            let removed = self.cache.remove(&Probe(bytes)).is_some();
            if removed {
                count(&self.counters.removals);
            }
            removed
        })
    }

    /// Drops everything and refuses fills under way; counted as evictions.
    pub fn clear(&self) {
        for stripe in &self.stripes {
            let mut drops = stripe.lock().unwrap_or_else(PoisonError::into_inner);
            *drops = drops.wrapping_add(1);
        }
        // Not foyer's `clear` (0.22.6): it forgets to set the usage back, and the room would stay taken.
        self.cache.evict_all();
    }

    /// Counters since start and what is held now.
    pub fn figures(&self) -> Figures {
        Figures {
            keys: self.cache.entries() as u64,
            bytes: self.cache.usage() as u64,
            capacity: self.capacity as u64,
            ..self.counters.figures()
        }
    }

    fn stripe(&self, key: &[u8]) -> MutexGuard<'_, u64> {
        let stripe = self.hasher.hash_one(Probe(key)) as usize % STRIPES;
        // A number is never half written; a writer that panicked left it usable.
        self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for ObjectCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectCache").field("figures", &self.figures()).finish_non_exhaustive()
    }
}

fn weight(key: &HeldKey, variants: &Variants) -> usize {
    key.0.as_bytes().len() + variants.weight() + ENTRY_BYTES
}

/// Hears from foyer what leaves.
struct Departures(Arc<Counters>);

impl EventListener for Departures {
    type Key = HeldKey;
    type Value = Variants;

    fn on_leave(&self, reason: Event, _key: &HeldKey, _value: &Variants) {
        if reason == Event::Evict {
            self.0.evictions.fetch_add(1, Ordering::Relaxed);
        }
    }
}
