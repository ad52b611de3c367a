//! The store: foyer's sharded memory cache with S3-FIFO eviction.
//!
//! S3-FIFO because a hit then needs only a shared lock and one-time visitors (crawlers, random queries) do
//! not push out what is asked for often.

use crate::counters::{Counters, Figures, count};
use crate::disk::{DiskStore, Opening, Payload, first_fill};
use crate::drops::{Drops, Stripe};
use crate::fill::{Fill, Inserted};
use crate::hasher::KeyedHasher;
use crate::held::{Content, Held, HeldKey, Probe};
use crate::options::{OpenError, Options};
use crate::purges::Purges;
use crate::response::StoredResponse;
use crate::shares::{Owner, Shares};
use crate::variants::Variants;
use caching::{KeyRef, Request, Stored, Verdict};
use foyer::{Cache, CacheBuilder, Event, EventListener, S3FifoConfig};
use http::{HeaderName, HeaderValue};
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;
use vocabulary::{AccountId, Random, SiteId};

/// Stored responses, bounded in bytes. Shared by all workers behind an `Arc`.
pub struct ObjectCache {
    pub(crate) memory: Cache<HeldKey, Held, KeyedHasher>,
    disk: Option<Arc<DiskStore>>,
    /// Whether the disk was let go of: it may be another process's by now.
    released: AtomicBool,
    hasher: KeyedHasher,
    pub(crate) counters: Arc<Counters>,
    pub(crate) purges: Purges,
    /// The number of the next fill.
    next_fill: AtomicU64,
    /// Locks for writers, with what was dropped on request.
    stripes: Box<[Mutex<Drops>]>,
    pub(crate) entry_bytes_max: usize,
    capacity: usize,
    pub(crate) shares: Arc<Shares>,
    /// Which site is on whose account; sites that are not listed are on their own.
    owners: RwLock<HashMap<SiteId, Owner>>,
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
/// Locks for writers; keys share them. Half a MiB with the drops they remember.
const STRIPES: usize = 4096;
/// Between the last look at the disk and its closing.
const LETTING_GO: Duration = Duration::from_millis(50);
/// Record, index slot, queue links and counts of foyer for one key, estimated.
const ENTRY_BYTES: usize = 256;

impl ObjectCache {
    /// Opens a cache. What an earlier process left in the disk folder is held again.
    pub async fn open(options: Options, random: &dyn Random) -> Result<Self, OpenError> {
        let Some(disk) = &options.disk else { return Ok(Self::new(options.memory_bytes, random)) };
        let opening = Opening::begin(disk, random)?;
        let mut cache = Self::in_memory(options.memory_bytes, opening.hasher.clone());
        cache.purges = Purges::new(opening.epochs());
        cache.next_fill = AtomicU64::new(first_fill(opening.incarnation()));
        cache.disk = Some(opening.finish(cache.memory.clone(), cache.counters.clone()).await?);
        Ok(cache)
    }

    /// An empty cache in memory alone, of at most `capacity_bytes`; `random` gives the hash secret.
    pub fn new(capacity_bytes: u64, random: &dyn Random) -> Self {
        Self::in_memory(capacity_bytes, KeyedHasher::new(random))
    }

    fn in_memory(capacity_bytes: u64, hasher: KeyedHasher) -> Self {
        let capacity = usize::try_from(capacity_bytes).unwrap_or(usize::MAX);
        let shards = (capacity / SHARD_BYTES).clamp(1, SHARDS_MAX);
        let counters = Arc::new(Counters::default());
        let shares = Arc::new(Shares::new(capacity, Instant::now()));
        let memory = CacheBuilder::new(capacity)
            .with_name("wardmote")
            .with_shards(shards)
            .with_eviction_config(S3FifoConfig::default())
            .with_hash_builder(hasher.clone())
            .with_weighter(weight)
            .with_event_listener(Arc::new(Departures { counters: counters.clone(), shares: shares.clone() }))
            .build();
        Self {
            memory,
            disk: None,
            released: AtomicBool::new(false),
            hasher,
            counters,
            purges: Purges::default(),
            next_fill: AtomicU64::new(1),
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            // foyer makes room for an entry before it looks at its size: one heavier than its shard would
            // empty the shard and still not fit.
            entry_bytes_max: capacity / shards / 2,
            capacity,
            shares,
            owners: RwLock::default(),
        }
    }

    /// Tells whose sites are whose, in place of what was told before: accounts have fair shares of the memory.
    pub fn assign(&self, accounts: impl Iterator<Item = (SiteId, AccountId)>) {
        let owner = |account: AccountId| Owner::of_hash(self.hasher.hash_one(account.as_bytes()));
        let owners = accounts.map(|(site, account)| (site, owner(account))).collect();
        // Replaced whole, so a poisoned map is still good.
        *self.owners.write().unwrap_or_else(PoisonError::into_inner) = owners;
    }

    /// On whose account a site's copies are held.
    pub fn owner(&self, site: SiteId) -> Owner {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        let known = owners.get(&site).copied();
        known.unwrap_or_else(|| Owner::of_hash(self.hasher.hash_one(site.as_bytes())))
    }

    /// The disk, while it is this process's.
    pub(crate) fn disk(&self) -> Option<&Arc<DiskStore>> {
        self.disk.as_ref().filter(|_| !self.released.load(Ordering::Acquire))
    }

    /// Lets go of the disk so that another process can have it, and goes on with what memory holds. Returns once
    /// what was queued is written; calling again does nothing.
    pub async fn release_disk(&self) {
        let Some(disk) = &self.disk else { return };
        if self.released.swap(true, Ordering::AcqRel) {
            return;
        }
        // Who had just begun to hand something over is done by then.
        tokio::time::sleep(LETTING_GO).await;
        disk.close().await;
    }

    /// Holds something in memory, unless it is new there and its owner has had its share.
    pub(crate) fn hold(&self, key: HeldKey, held: Held, is_new: bool) -> bool {
        let (owner, bytes) = (held.owner, weight(&key, &held));
        if is_new && !self.shares.admits(owner, bytes, Instant::now()) {
            count(&self.counters.share_refusals);
            return false;
        }
        // Before it is there: it may leave as soon as it has come.
        self.shares.came(owner, bytes);
        drop(self.memory.insert(key, held));
        true
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
        let lookup = self.as_it_stands(key, response.clone());
        match lookup {
            Lookup::Absent => count(&self.counters.misses),
            _ => count(&self.counters.hits),
        }
        lookup
    }

    /// How a held response stands to the purges of now. One that is gone is dropped.
    pub(crate) fn as_it_stands(&self, key: &KeyRef<'_>, response: Arc<StoredResponse>) -> Lookup {
        let softly = response.standing().is_soft(self.purges.generation());
        let verdict = if softly { Verdict::SoftStale } else { self.purges.judge(key, &response) };
        match verdict {
            Verdict::Current => Lookup::Found(response),
            Verdict::SoftStale => Lookup::Soft(response),
            Verdict::Gone => {
                self.drop_response(key, &response);
                Lookup::Absent
            }
        }
    }

    /// Call before the request goes to the origin.
    pub fn begin(&self, key: &KeyRef<'_>) -> Fill {
        let fetched = self.purges.stamp();
        let drops = key.with_bytes(|bytes| self.stripe(bytes).count());
        Fill { drops, sequence: self.next_fill.fetch_add(1, Ordering::Relaxed), fetched }
    }

    /// Publishes a whole response under the key that `fill` was begun for, in place of the one with the
    /// same secondary key.
    pub fn insert(&self, key: &KeyRef<'_>, fill: Fill, response: Arc<StoredResponse>) -> Inserted {
        response.standing().set_fill(fill.sequence, fill.fetched);
        let owned = key.with_bytes(HeldKey::new);
        let stripe = self.stripe(owned.as_bytes());
        if stripe.hit_since(fill.drops) || self.purges.judge(key, &response) == Verdict::Gone {
            return Inserted::Dropped;
        }
        let entry = self.memory.get(&Probe(owned.as_bytes()));
        let held = entry.as_ref().and_then(|entry| entry.value().responses());
        let replaced = held.and_then(|held| held.replaced_by(&response)).cloned();
        let variants = match held {
            Some(held) => held.with(response.clone()),
            None => Variants::one(response.clone()),
        };
        let is_new = entry.is_none();
        drop(entry);
        let held = Held { owner: self.owner(key.site), content: Content::Responses(variants.clone()) };
        if weight(&owned, &held) > self.entry_bytes_max {
            count(&self.counters.refusals);
            return Inserted::TooHeavy;
        }
        let in_memory = self.hold(owned.clone(), held, is_new);
        if !in_memory && self.disk().is_none() {
            return Inserted::OverShare;
        }
        count(&self.counters.inserts);
        if let Some(disk) = self.disk() {
            keep_on_disk(disk, owned, variants, &response, replaced.as_deref());
        }
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

    /// Drops everything that memory holds and refuses fills under way; counted as evictions.
    pub fn clear(&self) {
        for stripe in &self.stripes {
            stripe.lock().unwrap_or_else(PoisonError::into_inner).note_all();
        }
        // Not foyer's `clear` (0.22.6): it forgets to set the usage back, and the room would stay taken.
        self.memory.evict_all();
    }

    /// Waits until the disk has all it was given. Afterwards nothing more is written.
    pub async fn close(&self) {
        if let Some(disk) = self.disk() {
            disk.close().await;
        }
    }

    /// Counters since start and what is held now.
    pub fn figures(&self) -> Figures {
        Figures {
            keys: self.memory.entries() as u64,
            bytes: self.memory.usage() as u64,
            capacity: self.capacity as u64,
            disk_queued: self.disk().map_or(0, |disk| disk.queued()),
            disk_capacity: self.disk().map_or(0, |disk| disk.capacity()),
            ..self.counters.figures()
        }
    }

    /// A key's stripe, locked.
    pub(crate) fn stripe(&self, key: &[u8]) -> Stripe<'_> {
        let hash = self.hasher.hash_one(Probe(key));
        let stripe = &self.stripes[hash as usize % STRIPES];
        // Drops are noted one by one; a writer that panicked left them usable.
        Stripe { drops: stripe.lock().unwrap_or_else(PoisonError::into_inner), hash }
    }
}

impl std::fmt::Debug for ObjectCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectCache").field("figures", &self.figures()).finish_non_exhaustive()
    }
}

/// Writes what an address holds now. What the disk held of it before must not come back where the new one
/// is not written, nor, after a crash, in place of one that had replaced it while it was fresh.
fn keep_on_disk(
    disk: &Arc<DiskStore>,
    key: HeldKey,
    variants: Variants,
    response: &StoredResponse,
    replaced: Option<&StoredResponse>,
) {
    let fill = response.standing().sequence();
    let held_before = disk.may_hold(&key);
    let written = disk.write(key.clone(), fill, Payload::Responses(variants));
    if !held_before {
        return;
    }
    let now = response.stored().freshness().received();
    let was_fresh = replaced.is_some_and(|replaced| replaced.stored().freshness().remaining(now) > 0);
    if was_fresh || !written {
        disk.outdate(&key, fill);
    }
    if !written {
        disk.forget(&key);
    }
}

pub(crate) fn weight(key: &HeldKey, held: &Held) -> usize {
    key.as_bytes().len() + held.weight() + ENTRY_BYTES
}

/// Hears from foyer what leaves.
struct Departures {
    counters: Arc<Counters>,
    shares: Arc<Shares>,
}

impl EventListener for Departures {
    type Key = HeldKey;
    type Value = Held;

    fn on_leave(&self, reason: Event, key: &HeldKey, value: &Held) {
        let evicted = reason == Event::Evict;
        self.shares.left(value.owner, weight(key, value), evicted);
        if evicted {
            self.counters.evictions.fetch_add(1, Ordering::Relaxed);
        }
    }
}
