//! The disk: foyer's hybrid cache without a memory of its own, behind a bounded queue.
//!
//! Owns what is written and read, how long anybody waits for it, and what may not be used although it lies
//! there. Knows nothing of requests. Memory is [`crate::cache`]'s: records pass through foyer's memory as
//! phantoms, which are gone once they are written.
//!
//! Invariants: nobody waits for a write; at most [`QUEUE_BYTES`] wait to be written, and what does not fit is
//! left out and counted; a read that does not end in time counts as absent; whatever the disk does, it costs
//! copies and no answers.

mod canary;
mod folder;
mod gathering;
mod health;
mod loads;
mod open;
mod record;
mod reinsertion;
mod revival;
mod room;
#[cfg(test)]
mod tests;
mod versions;

pub(crate) use loads::Loaded;
pub(crate) use open::Opening;
pub(crate) use record::Payload;

use crate::counters::{Counters, count};
use crate::hasher::KeyedHasher;
use crate::held::HeldKey;
use crate::journal::{Base, Event, Journal, JournalError, Ticket};
use crate::purges::Purges;
use canary::Canary;
use folder::{Folder, Incarnations, Layout};
use foyer::{HybridCache, Load, Spawner, Store};
use futures_util::FutureExt;
use gathering::{GATHER_TIME, Gathering};
use health::Health;
use loads::Loads;
use record::Record;
use reinsertion::Reinsertion;
use revival::Revival;
use room::{Room, Taken};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;
use versions::Versions;

/// Bytes that may wait to be written, and of each of foyer's two buffers.
const QUEUE_BYTES: usize = 8 << 20;
/// The longest record. Variants that do not fit in one are left out.
const RECORD_BYTES_MAX: usize = 4 << 20;
/// foyer's header and the padding to whole pages.
const RECORD_OVERHEAD_BYTES: usize = 64 + PAGE_BYTES;
const PAGE_BYTES: usize = 4096;
/// How long a process that ends waits for its last writes.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long somebody waits for a record. An origin answers about as fast.
const LOAD_TIME_MAX: Duration = Duration::from_millis(250);

type Hybrid = HybridCache<HeldKey, Record, KeyedHasher>;

/// An open disk store.
pub(crate) struct DiskStore {
    /// Another one after it was [opened anew](revival).
    hybrid: RwLock<Hybrid>,
    revival: Revival,
    layout: Layout,
    hasher: KeyedHasher,
    spawner: Spawner,
    folder: Folder,
    incarnations: Incarnations,
    room: Arc<Room>,
    gathering: Gathering,
    /// Held while records are handed over: foyer's recovery (0.22.6) gives up a block where its sequence numbers go
    /// down, so they must go in their order.
    order: Mutex<()>,
    record_bytes_max: usize,
    loads: Loads,
    health: Arc<Health>,
    pub(crate) versions: Versions,
    canary: Canary,
    reinsertion: Arc<Reinsertion>,
    /// Held by who has the journal written for others too.
    settling: tokio::sync::Mutex<()>,
    /// Somebody will have it written soon.
    settles_soon: AtomicBool,
    counters: Arc<Counters>,
    #[cfg(test)]
    faults: Arc<tests::Faults>,
}

impl DiskStore {
    /// Queues a record, unless there is no room. Returns whether it will be written.
    pub(crate) fn write(self: &Arc<Self>, key: HeldKey, written: u64, payload: Payload) -> bool {
        let payload = self.fitting(payload);
        let bytes = self.queue_bytes(&key, &payload);
        let taken = (bytes <= self.record_bytes_max).then(|| self.room.take(bytes)).flatten();
        self.write_into(key, written, payload, taken)
    }

    /// The same, waiting a little for room; handed over at once.
    pub(crate) async fn write_patiently(
        self: &Arc<Self>,
        key: HeldKey,
        payload: Payload,
        patience: Duration,
    ) -> bool {
        let bytes = self.queue_bytes(&key, &payload);
        let taken = match bytes <= self.record_bytes_max {
            true => self.room.wait(bytes, patience).await,
            false => None,
        };
        let queued = self.write_into(key, 0, payload, taken);
        self.hand_over();
        queued
    }

    fn write_into(
        self: &Arc<Self>,
        key: HeldKey,
        written: u64,
        payload: Payload,
        taken: Option<Taken>,
    ) -> bool {
        let Some(mut taken) = taken.filter(|_| !self.revival.is_under_way()) else {
            count(&self.counters.disk_drops);
            if self.canary.may_log() {
                tracing::warn!("the cache disk is behind: some responses are not written to it");
            }
            return false;
        };
        let hybrid = self.hybrid();
        let is_there = |written: &HeldKey| {
            let is_there = hybrid.storage().may_contains(written);
            if is_there {
                self.revival.arrives();
            }
            is_there
        };
        if !self.canary.pass(&key, &mut taken, is_there) {
            count(&self.counters.disk_errors);
            if self.canary.may_log() {
                tracing::error!("the cache disk loses what is written to it");
            }
            self.loses();
        }
        self.reinsertion.budget.earn(payload.encoded_len());
        self.enqueue(key, Record { written, payload, _taken: Some(taken) });
        count(&self.counters.disk_writes);
        true
    }

    fn enqueue(self: &Arc<Self>, key: HeldKey, record: Record) {
        let hash = self.hasher.hash_one(&key);
        self.reinsertion.seen.add(hash);
        if self.gathering.add(hash, key, record) {
            let disk = self.clone();
            drop(self.spawner.spawn(async move {
                tokio::time::sleep(GATHER_TIME).await;
                disk.hand_over();
            }));
        }
    }

    /// foyer, as it is open now.
    fn hybrid(&self) -> Hybrid {
        // It is replaced as a whole, so a poisoned lock is still good.
        self.hybrid.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hands to foyer what has been gathered.
    fn hand_over(&self) {
        drop(self.handed_over());
    }

    /// The same; until what is returned is dropped, nothing else is handed over.
    fn handed_over(&self) -> MutexGuard<'_, ()> {
        // Nothing is guarded but the order, so a poisoned lock is still good.
        let order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let hybrid = self.hybrid();
        for waiting in self.gathering.take() {
            // Forced: what is admitted was decided by the room. It is dropped from foyer's memory at once.
            drop(hybrid.storage_writer(waiting.key).force().insert(waiting.record));
        }
        order
    }

    /// Whether foyer may have a record of a key; one that is gathered is handed over first.
    fn may_contain(&self, key: &HeldKey) -> bool {
        if self.gathering.contains(self.hasher.hash_one(key)) {
            self.hand_over();
        }
        self.hybrid().storage().may_contains(key)
    }

    /// Of several variants as many as fit into a record, the newest first.
    fn fitting(&self, payload: Payload) -> Payload {
        match payload {
            Payload::Responses(variants) if payload_is_long(&variants, self.record_bytes_max) => {
                Payload::Responses(variants.only_newest())
            }
            payload => payload,
        }
    }

    fn queue_bytes(&self, key: &HeldKey, payload: &Payload) -> usize {
        payload.encoded_len() + key.as_bytes().len() + RECORD_OVERHEAD_BYTES
    }

    /// The record of a key, or none if it does not come in time.
    pub(crate) async fn load(&self, key: &HeldKey) -> Loaded {
        if !self.may_contain(key) {
            return Loaded::Absent;
        }
        if !self.health.may_ask(Instant::now()) {
            count(&self.counters.disk_skips);
            return Loaded::Failed;
        }
        let reader = self.reader();
        let load = self.loads.join(key, |listing| {
            let (reader, key) = (reader, key.clone());
            async move {
                // The read goes on when nobody waits for it any more.
                let spawner = reader.spawner.clone();
                let reading = spawner.spawn(async move {
                    let _listing = listing;
                    reader.read(key).await
                });
                reading.await.unwrap_or(Loaded::Failed)
            }
            .boxed()
        });
        let Some(load) = load else {
            count(&self.counters.disk_skips);
            return Loaded::Failed;
        };
        match tokio::time::timeout(LOAD_TIME_MAX, load).await {
            Ok(loaded) => loaded,
            Err(_) => {
                count(&self.counters.disk_timeouts);
                self.health.failed(Instant::now(), "slow");
                Loaded::Failed
            }
        }
    }

    fn reader(&self) -> Reader {
        Reader {
            store: self.hybrid().storage().clone(),
            spawner: self.spawner.clone(),
            health: self.health.clone(),
            counters: self.counters.clone(),
            #[cfg(test)]
            faults: self.faults.clone(),
        }
    }

    /// Drops the record of a key, if there is one.
    pub(crate) fn forget(&self, key: &HeldKey) {
        // First: it may be among those that somebody else is handing over just now.
        let _order = self.handed_over();
        let hybrid = self.hybrid();
        if hybrid.storage().may_contains(key) {
            self.canary.forget(key);
            hybrid.storage().delete(key);
        }
    }

    /// Whether any record of a key may lie on the disk, read back after a restart included.
    pub(crate) fn may_hold(&self, key: &HeldKey) -> bool {
        self.reinsertion.seen.contains(self.hasher.hash_one(key)) || self.hybrid().storage().may_contains(key)
    }

    /// Has no record of a key be used that an earlier fill wrote. Outlives a crash of the process, if not
    /// always one of the machine.
    pub(crate) fn outdate(self: &Arc<Self>, key: &HeldKey, least: u64) {
        let hash = self.hasher.hash_one(key);
        self.versions.raise(hash, least);
        let ticket = self.folder.journal.add(&Event::Outdated { hash, least });
        self.settle_soon(ticket);
    }

    /// Has an event be safe soon, without anybody waiting for it.
    pub(crate) fn settle_soon(self: &Arc<Self>, ticket: Ticket) {
        if !self.settles_soon.swap(true, Ordering::AcqRel) {
            let disk = self.clone();
            drop(self.spawner.spawn(async move {
                // Before the write: what is added during it may need another.
                disk.settles_soon.store(false, Ordering::Release);
                disk.settling(ticket).await
            }));
        }
    }

    pub(crate) fn is_outdated(&self, key: &HeldKey, written: u64) -> bool {
        !self.versions.may_use(self.hasher.hash_one(key), written)
    }

    /// The stamp of a response read back, as this process counts them.
    pub(crate) fn stamp(&self, fill: u64, stamp: u64) -> u64 {
        self.incarnations.stamp(incarnation_of(fill), stamp)
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.folder.journal
    }

    /// Returns once an event is safe: on disk, or what it guards against given up. Blocks.
    pub(crate) fn settle(&self, ticket: Ticket) -> Result<(), JournalError> {
        let Err(error) = self.folder.journal.commit(ticket) else { return Ok(()) };
        count(&self.counters.disk_errors);
        match self.folder.give_up() {
            Ok(()) => {
                tracing::error!(%error, "without its purge journal, what the disk holds is given up at the next start");
                Ok(())
            }
            Err(_) => Err(JournalError(error)),
        }
    }

    /// The same for callers that must not block: one at a time writes for all.
    pub(crate) async fn settling(self: &Arc<Self>, ticket: Ticket) -> bool {
        let _turn = self.settling.lock().await;
        if self.folder.journal.is_settled(ticket) {
            return true;
        }
        let disk = self.clone();
        let latest = self.folder.journal.latest();
        let settling = self.spawner.spawn_blocking(move || disk.settle(latest).is_ok());
        settling.await.unwrap_or(false)
    }

    /// Writes the journal anew in the background, if it has become long.
    pub(crate) fn tidy(self: &Arc<Self>, purges: &Purges) {
        if !self.folder.journal.is_long() {
            return;
        }
        let (epochs, least) = purges.snapshot(|| {
            self.folder.journal.begin_compaction();
            self.versions.list()
        });
        let base = Base { epochs, opened: self.folder.base.opened.clone(), least };
        let disk = self.clone();
        drop(self.spawner.spawn_blocking(move || {
            if let Err(error) = disk.folder.journal.compact(&base) {
                tracing::warn!(%error, "the purge journal cannot be compacted");
            }
        }));
    }

    /// Waits until all that is queued is written, though not for ever, and takes nothing more.
    pub(crate) async fn close(self: &Arc<Self>) {
        self.hand_over();
        let closing = self.hybrid();
        let closed = self.spawner.spawn(async move { closing.close().await });
        match tokio::time::timeout(CLOSE_TIME_MAX, closed).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error)) | Err(error)) => tracing::warn!(%error, "the cache on disk did not close"),
            Err(_) => tracing::warn!("the cache disk is too slow: what still waits to be written is lost"),
        }
        self.settling(self.folder.journal.latest()).await;
        self.folder.release();
    }

    /// Bytes that wait to be written.
    pub(crate) fn queued(&self) -> u64 {
        self.room.taken() as u64
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.hybrid().storage().device().capacity() as u64
    }
}

fn payload_is_long(variants: &crate::variants::Variants, most: usize) -> bool {
    Payload::Responses(variants.clone()).encoded_len() + RECORD_OVERHEAD_BYTES + PAGE_BYTES > most
}

/// Fills are numbered within the process that began them.
pub(crate) fn first_fill(incarnation: u32) -> u64 {
    u64::from(incarnation) << 40 | 1
}

fn incarnation_of(fill: u64) -> u32 {
    u32::try_from(fill >> 40).unwrap_or(u32::MAX)
}

/// What a read takes with it.
struct Reader {
    store: Store<HeldKey, Record, KeyedHasher, foyer::HybridCacheProperties>,
    spawner: Spawner,
    health: Arc<Health>,
    counters: Arc<Counters>,
    #[cfg(test)]
    faults: Arc<tests::Faults>,
}

impl Reader {
    async fn read(self, key: HeldKey) -> Loaded {
        let begun = Instant::now();
        #[cfg(test)]
        self.faults.delay().await;
        let loaded = match self.store.load(&key).await {
            Ok(Load::Entry { value, .. }) => self.readable(value.written, value.payload, &key),
            Ok(Load::Piece { piece, .. }) => {
                self.readable(piece.value().written, piece.value().payload.clone(), &key)
            }
            Ok(Load::Miss | Load::Throttled) => {
                // The index had it, so what lay there was another's, or damaged.
                count(&self.counters.disk_unreadable);
                Loaded::Absent
            }
            Err(error) => {
                count(&self.counters.disk_errors);
                self.health.failed(Instant::now(), "read error");
                tracing::debug!(%error, "a cached record cannot be read");
                return Loaded::Failed;
            }
        };
        if begun.elapsed() <= LOAD_TIME_MAX {
            self.health.answered();
        }
        loaded
    }

    fn readable(&self, written: u64, payload: Payload, key: &HeldKey) -> Loaded {
        if matches!(payload, Payload::Unreadable) {
            count(&self.counters.disk_unreadable);
            self.store.delete(key);
            return Loaded::Absent;
        }
        Loaded::Record { written, payload }
    }
}
