//! Opening the disk store.

use super::folder::{Folder, Incarnations, Layout, clean_some_blocks, take_space, takes_direct};
use super::reinsertion::{HitAgain, Reinsertion};
use super::room::Room;
use super::versions::Versions;
use super::{DiskStore, Hybrid, Payload, QUEUE_BYTES, RECORD_BYTES_MAX, RECORD_OVERHEAD_BYTES};
use crate::counters::Counters;
use crate::hasher::{HashProbe, KeyedHasher};
use crate::held::{Held, HeldKey};
use crate::options::{Disk, OpenError};
use foyer::{
    BlockEngineConfig, Cache, DeviceBuilder, FsDeviceBuilder, HybridCacheBuilder, HybridCachePolicy,
    PsyncIoEngineConfig, RecoverMode, Spawner, StorageFilter,
};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock, Weak};
use vocabulary::Random;

/// The fewest bytes that make sense on a disk.
const BYTES_LEAST: u64 = 32 << 20;
/// Blocks are cleared as a whole: a store has some hundreds, so that little goes at once.
const BLOCKS: u64 = 512;
const BLOCK_BYTES_LEAST: u64 = 2 << 20;
const BLOCK_BYTES_MAX: u64 = 256 << 20;
/// Where a block tells what is in it.
const INDEX_BYTES: usize = 4096;
/// Blocks that foyer clears ahead.
const CLEAN_BLOCKS: usize = 2;
/// Threads that may wait for the disk.
const DISK_THREADS: usize = 8;

/// Layout, folder and hash secret, before there is a memory that shares the secret.
pub(crate) struct Opening {
    folder: Folder,
    layout: Layout,
    pub(crate) hasher: KeyedHasher,
}

impl Opening {
    pub(crate) fn begin(disk: &Disk, random: &dyn Random) -> Result<Self, OpenError> {
        if disk.bytes < BYTES_LEAST {
            return Err(OpenError::TooSmall { bytes: disk.bytes, least: BYTES_LEAST });
        }
        let block_bytes = (disk.bytes / BLOCKS).next_power_of_two();
        let block_bytes = block_bytes.clamp(BLOCK_BYTES_LEAST, BLOCK_BYTES_MAX);
        let layout = Layout { bytes: disk.bytes, block_bytes };
        let folder = Folder::open(&disk.folder, layout, random)?;
        let hasher = KeyedHasher::with_secret(folder.secret);
        Ok(Self { folder, layout, hasher })
    }

    pub(crate) fn epochs(&self) -> caching::Epochs {
        self.folder.base.epochs.clone()
    }

    pub(crate) fn incarnation(&self) -> u32 {
        self.folder.incarnation
    }

    /// Opens foyer and reads its index.
    pub(crate) async fn finish(
        self,
        memory: Cache<HeldKey, Held, KeyedHasher>,
        counters: Arc<Counters>,
    ) -> Result<Arc<DiskStore>, OpenError> {
        let Self { folder, layout, hasher } = self;
        let spawner = spawner()?;
        let objects = folder.objects();
        let reinsertion = Arc::new(Reinsertion::default());
        let hybrid = build(objects.clone(), layout, hasher.clone(), &reinsertion, spawner.clone()).await?;
        take_space(&objects).map_err(|source| OpenError::NoSpace { bytes: layout.bytes, source })?;
        let block_bytes = usize::try_from(layout.block_bytes).unwrap_or(usize::MAX);
        let disk = Arc::new(DiskStore {
            incarnations: Incarnations::new(folder.base.opened.clone()),
            versions: Versions::new(folder.base.least.iter().copied()),
            room: Room::new(QUEUE_BYTES),
            gathering: Default::default(),
            order: Mutex::default(),
            record_bytes_max: RECORD_BYTES_MAX.min(block_bytes - INDEX_BYTES),
            loads: Default::default(),
            health: Arc::default(),
            canary: Default::default(),
            reinsertion,
            settling: Default::default(),
            settles_soon: Default::default(),
            counters,
            hybrid: RwLock::new(hybrid),
            revival: Default::default(),
            layout,
            hasher,
            spawner,
            folder,
            #[cfg(test)]
            faults: Arc::default(),
        });
        disk.write_again_what_is_in(memory);
        Ok(disk)
    }
}

impl DiskStore {
    fn write_again_what_is_in(self: &Arc<Self>, memory: Cache<HeldKey, Held, KeyedHasher>) {
        let disk: Weak<Self> = Arc::downgrade(self);
        let rewrite = move |hash: u64| {
            let disk = disk.upgrade()?;
            let entry = memory.get(&HashProbe { hash, hasher: &disk.hasher })?;
            let variants = entry.value().responses()?.clone();
            let written = variants.each().map(|each| each.standing().sequence()).max()?;
            let payload = disk.fitting(Payload::Responses(variants));
            let bytes = payload.encoded_len() + entry.key().as_bytes().len() + RECORD_OVERHEAD_BYTES;
            let taken = disk.room.take(bytes)?;
            let record = super::Record { written, payload, _taken: Some(taken) };
            disk.enqueue(entry.key().clone(), record);
            crate::counters::count(&disk.counters.disk_rewrites);
            Some(bytes)
        };
        let _ = self.reinsertion.rewrite.set(Box::new(rewrite));
    }
}

/// Opens foyer, and reads its index.
pub(super) async fn build(
    objects: PathBuf,
    layout: Layout,
    hasher: KeyedHasher,
    reinsertion: &Arc<Reinsertion>,
    spawner: Spawner,
) -> Result<Hybrid, OpenError> {
    clean_some_blocks(&objects, layout.block_bytes)
        .map_err(|source| OpenError::Folder { path: objects.clone(), source })?;
    let reinsertion = HitAgain(reinsertion.clone());
    // On the store's own runtime: foyer's tasks belong to whoever builds it.
    let building = spawner.clone().spawn(engine(objects, layout, hasher, reinsertion, spawner));
    building.await.and_then(|built| built).map_err(|error| OpenError::Engine(error.into()))
}

async fn engine(
    objects: PathBuf,
    layout: Layout,
    hasher: KeyedHasher,
    reinsertion: HitAgain,
    spawner: Spawner,
) -> foyer::Result<Hybrid> {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    // The system's own cache would hold everything a second time, and copying it there cost more than writing it.
    let direct = takes_direct(&objects);
    let device =
        FsDeviceBuilder::new(objects).with_capacity(size(layout.bytes)).with_direct(direct).build()?;
    let engine = BlockEngineConfig::new(device)
        .with_block_size(size(layout.block_bytes))
        .with_blob_index_size(INDEX_BYTES)
        .with_flushers(1)
        .with_buffer_pool_size(QUEUE_BYTES)
        // The room bounds the queue; foyer never has to drop, which it would not tell.
        .with_submit_queue_size_threshold(usize::MAX / 2)
        .with_recover_concurrency(DISK_THREADS)
        .with_clean_block_threshold(CLEAN_BLOCKS)
        .with_reinsertion_filter(StorageFilter::new().with_condition(reinsertion))
        .with_tombstone_log(true);
    HybridCacheBuilder::new()
        .with_name("wardmote")
        .with_policy(HybridCachePolicy::WriteOnInsertion)
        .with_flush_on_close(false)
        .memory(1)
        .with_shards(1)
        .with_hash_builder(hasher)
        .storage()
        .with_io_engine_config(PsyncIoEngineConfig::new())
        .with_engine_config(engine)
        .with_recover_mode(RecoverMode::Quiet)
        .with_spawner(spawner)
        .build()
        .await
}

/// Serialising and checksums are done here, not on the workers that answer visitors.
fn spawner() -> Result<Spawner, OpenError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).max_blocking_threads(DISK_THREADS).thread_name("cache-disk").enable_time();
    builder.build().map(Spawner::from).map_err(|error| OpenError::Engine(error.into()))
}
