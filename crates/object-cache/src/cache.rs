//! The store: foyer's sharded memory cache with S3-FIFO eviction.
//!
//! S3-FIFO because a hit then needs only a shared lock and one-time visitors (crawlers, random queries) do
//! not push out what is asked for often.

use crate::counters::{Counters, Figures, count};
use crate::fill::{Fill, Inserted};
use crate::hasher::KeyedHasher;
use crate::held::{Held, HeldKey, Probe};
use crate::journal::JournalError;
use crate::options::{OpenError, Options};
use crate::purges::Purges;
use crate::response::StoredResponse;
use crate::variants::{Variants, Without};
use caching::{KeyRef, PurgeWindow, Request, Scheme, Stored, Verdict};
use foyer::{Cache, CacheBuilder, Event, EventListener, S3FifoConfig};
use http::{HeaderName, HeaderValue};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use vocabulary::Random;

/// Stored responses, bounded in bytes. Shared by all workers behind an `Arc`.
pub struct ObjectCache {
    pub(crate) memory: Cache<HeldKey, Held, KeyedHasher>,
    hasher: KeyedHasher,
    counters: Arc<Counters>,
    purges: Purges,
    /// The number of the next fill.
    next_fill: AtomicU64,
    /// One writer per key at a time, so that two variants stored at once are both kept. Each stripe holds
    /// how often something of it was dropped on request.
    stripes: Box<[Mutex<u64>]>,
    pub(crate) entry_bytes_max: usize,
    capacity: usize,
}

/// What is held for a request.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// A response selected by the request; whether it may be sent is for [`caching::reuse`] to say.
    Found(Arc<StoredResponse>),
    /// The same, but purged softly: it counts as stale whatever its lifetime says, until it is revalidated.
    Soft(Arc<StoredResponse>),
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
    /// Opens a cache. What an earlier process left in the disk folder is held again.
    pub async fn open(options: Options, random: &dyn Random) -> Result<Self, OpenError> {
        Ok(Self::new(options.memory_bytes, random))
    }

    /// An empty cache in memory alone, of at most `capacity_bytes`; `random` gives the hash secret.
    pub fn new(capacity_bytes: u64, random: &dyn Random) -> Self {
        let capacity = usize::try_from(capacity_bytes).unwrap_or(usize::MAX);
        let shards = (capacity / SHARD_BYTES).clamp(1, SHARDS_MAX);
        let hasher = KeyedHasher::new(random);
        let counters = Arc::new(Counters::default());
        let memory = CacheBuilder::new(capacity)
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
        let next_fill = AtomicU64::new(1);
        Self {
            memory,
            hasher,
            counters,
            purges: Purges::default(),
            next_fill,
            stripes,
            entry_bytes_max,
            capacity,
        }
    }

    /// What memory holds under a key for a request.
    pub fn get(&self, key: &KeyRef<'_>, request: &Request<'_>) -> Lookup {
        let entry = key.with_bytes(|bytes| self.memory.get(&Probe(bytes)));
        let held = entry.as_ref().and_then(|entry| entry.value().responses());
        match held.map(|variants| variants.select(request)) {
            Some(Some(response)) if response.standing().is_current(self.purges.generation()) => {
                count(&self.counters.hits);
                Lookup::Found(response.clone())
            }
            Some(Some(response)) => self.look_again(key, response),
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

    /// A response that something may have hit since the last look, or that was found to be stale then.
    #[cold]
    fn look_again(&self, key: &KeyRef<'_>, response: &Arc<StoredResponse>) -> Lookup {
        let softly = response.standing().is_soft(self.purges.generation());
        let verdict = if softly { Verdict::SoftStale } else { self.purges.judge(key, response) };
        let lookup = match verdict {
            Verdict::Current => Lookup::Found(response.clone()),
            Verdict::SoftStale => Lookup::Soft(response.clone()),
            Verdict::Gone => {
                self.drop_response(key, response);
                count(&self.counters.misses);
                return Lookup::Absent;
            }
        };
        count(&self.counters.hits);
        lookup
    }

    /// What memory or else the disk holds under a key for a request. The wait for the disk is bounded; what
    /// does not come in time is `Absent`. What comes is held in memory again.
    pub async fn load(&self, key: &KeyRef<'_>, request: &Request<'_>) -> Lookup {
        self.get(key, request)
    }

    /// Call before the request goes to the origin.
    pub fn begin(&self, key: &KeyRef<'_>) -> Fill {
        let fetched = self.purges.stamp();
        let drops = key.with_bytes(|bytes| *self.stripe(bytes));
        Fill { drops, sequence: self.next_fill.fetch_add(1, Ordering::Relaxed), fetched }
    }

    /// Publishes a whole response under the key that `fill` was begun for, in place of the one with the
    /// same secondary key.
    pub fn insert(&self, key: &KeyRef<'_>, fill: Fill, response: Arc<StoredResponse>) -> Inserted {
        response.standing().set_fill(fill.sequence, fill.fetched);
        let owned = key.with_bytes(HeldKey::new);
        let drops = self.stripe(owned.as_bytes());
        if *drops != fill.drops || self.purges.judge(key, &response) == Verdict::Gone {
            return Inserted::Dropped;
        }
        let entry = self.memory.get(&Probe(owned.as_bytes()));
        let variants = match entry.as_ref().and_then(|entry| entry.value().responses()) {
            Some(held) => held.with(response),
            None => Variants::one(response),
        };
        let held = Held::Responses(variants);
        if weight(&owned, &held) > self.entry_bytes_max {
            count(&self.counters.refusals);
            return Inserted::TooHeavy;
        }
        self.memory.insert(owned, held);
        count(&self.counters.inserts);
        Inserted::Stored
    }

    /// Publishes what a 304 has made of a held response (RFC 9111 §4.3.4), for a `fill` begun before the
    /// origin was asked. The body is not copied. What is returned may be sent, whether it is held or not.
    pub fn update(
        &self,
        key: &KeyRef<'_>,
        fill: Fill,
        old: &StoredResponse,
        stored: Stored,
        fields: Vec<(HeaderName, HeaderValue)>,
    ) -> (Inserted, Arc<StoredResponse>) {
        let refreshed = Arc::new(old.refreshed(stored, fields));
        (self.insert(key, fill, refreshed.clone()), refreshed)
    }

    /// Drops all variants of an address, on both schemes, and refuses fills under way (RFC 9111 §4.4).
    /// Returns whether any were held.
    pub fn remove(&self, key: &KeyRef<'_>) -> bool {
        let other = match key.scheme {
            Scheme::Http => Scheme::Https,
            Scheme::Https => Scheme::Http,
        };
        let removed = [*key, KeyRef { scheme: other, ..*key }].map(|key| self.remove_key(&key));
        removed.contains(&true)
    }

    fn remove_key(&self, key: &KeyRef<'_>) -> bool {
        key.with_bytes(|bytes| {
            let mut drops = self.stripe(bytes);
            *drops = drops.wrapping_add(1);
            let removed = self.memory.remove(&Probe(bytes)).is_some();
            if removed {
                count(&self.counters.removals);
            }
            removed
        })
    }

    /// Drops one response, if it is still the one held: a purged one, or one whose origin has another now.
    pub fn drop_response(&self, key: &KeyRef<'_>, response: &Arc<StoredResponse>) {
        let owned = key.with_bytes(HeldKey::new);
        let _stripe = self.stripe(owned.as_bytes());
        let entry = self.memory.get(&Probe(owned.as_bytes()));
        let Some(held) = entry.as_ref().and_then(|entry| entry.value().responses()) else { return };
        match held.without(response) {
            Without::Same => return,
            Without::Nothing => drop(self.memory.remove(&Probe(owned.as_bytes()))),
            Without::Others(others) => drop(self.memory.insert(owned, Held::Responses(others))),
        }
        count(&self.counters.removals);
    }

    /// Applies the purges of a window that are not held yet, and returns the revision held then. From here
    /// on nothing is found that was fetched before them, whenever its fetch ends.
    pub fn apply(&self, window: &PurgeWindow) -> Result<u64, JournalError> {
        Ok(self.purges.apply(window, |_| {}))
    }

    /// The revision of the last purge applied.
    pub fn held_revision(&self) -> u64 {
        self.purges.held_revision()
    }

    /// Drops everything and refuses fills under way; counted as evictions.
    pub fn clear(&self) {
        for stripe in &self.stripes {
            let mut drops = stripe.lock().unwrap_or_else(PoisonError::into_inner);
            *drops = drops.wrapping_add(1);
        }
        // Not foyer's `clear` (0.22.6): it forgets to set the usage back, and the room would stay taken.
        self.memory.evict_all();
    }

    /// Counters since start and what is held now.
    pub fn figures(&self) -> Figures {
        Figures {
            keys: self.memory.entries() as u64,
            bytes: self.memory.usage() as u64,
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

pub(crate) fn weight(key: &HeldKey, held: &Held) -> usize {
    key.as_bytes().len() + held.weight() + ENTRY_BYTES
}

/// Hears from foyer what leaves.
struct Departures(Arc<Counters>);

impl EventListener for Departures {
    type Key = HeldKey;
    type Value = Held;

    fn on_leave(&self, reason: Event, _key: &HeldKey, _value: &Held) {
        if reason == Event::Evict {
            self.0.evictions.fetch_add(1, Ordering::Relaxed);
        }
    }
}
