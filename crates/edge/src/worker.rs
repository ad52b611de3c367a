//! What the exchanges of one worker share, and what all workers share.

use crate::access_log::AccessLog;
use crate::compress::Encoders;
use crate::date::DateText;
use crate::explain::Footprints;
use crate::figures::Counters;
use crate::flights::Flights;
use crate::http1::scratch::ScratchPool;
use crate::origin::{Connector, Origins};
use crate::ray::Rays;
use crate::site_figures::SiteCounterTable;
use crate::tier::Tier;
use arc_swap::ArcSwap;
use object_cache::ObjectCache;
use snapshot::Snapshot;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use vocabulary::{Cidr, Clock, Random};

/// Bytes of bodies that may wait at once to be whole before they are stored.
pub(crate) const FILLING_BYTES_MAX: usize = 64 << 20;

/// What requests are served from: replaced whole when a parcel was applied.
#[derive(Default)]
pub(crate) struct Serving {
    /// Sites and measures.
    pub(crate) snapshot: Arc<Snapshot>,
    /// The sites' counters; those of sites that stay are carried over.
    pub(crate) sites: SiteCounterTable,
    /// Counts replacements; 0 before the first parcel.
    pub(crate) generation: u64,
}

/// One per process.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) serving: ArcSwap<Serving>,
    /// Tells whoever is in the middle of an answer that `serving` was replaced.
    pub(crate) replaced: watch::Sender<u64>,
    pub(crate) cache: ObjectCache,
    /// Whether the cache has a disk, where what memory lacks may be.
    pub(crate) on_disk: bool,
    pub(crate) filling: FillingBudget,
    /// The longest body that is stored as it comes in.
    pub(crate) body_bytes_max: u64,
    /// Requests to origins under way for the cache.
    pub(crate) flights: Arc<Flights>,
    pub(crate) encoders: Encoders,
    pub(crate) log: Option<Arc<AccessLog>>,
    pub(crate) trusted_proxies: Vec<Cidr>,
    pub(crate) tier: Tier,
}

/// One per worker; what it holds is touched by that worker's connections only.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) scratch: ScratchPool,
    pub(crate) origins: Origins,
    pub(crate) counters: Counters,
    pub(crate) rays: Rays,
    pub(crate) footprints: Footprints,
    pub(crate) date: DateText,
    /// Fills this worker has begun; the crew waits for them at the end.
    pub(crate) fills: TaskTracker,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, connector: Arc<Connector>, random: &dyn Random) -> Self {
        Self {
            shared,
            scratch: ScratchPool::default(),
            origins: Origins::new(connector),
            counters: Counters::default(),
            rays: Rays::new(random),
            footprints: Footprints::default(),
            date: DateText::default(),
            fills: TaskTracker::new(),
        }
    }
}

/// Bounds the memory of bodies on their way into the cache.
#[derive(Default)]
pub(crate) struct FillingBudget(AtomicUsize);

impl FillingBudget {
    /// Takes bytes from the budget; `false` when they are not there.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        let granted = before.saturating_add(bytes) <= FILLING_BYTES_MAX;
        if !granted {
            self.give(bytes);
        }
        granted
    }

    /// Gives bytes back.
    pub(crate) fn give(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}
