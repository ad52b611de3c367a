//! What the exchanges of one worker share, and what all workers share.

use crate::access_log::AccessLog;
use crate::compress::Encoders;
use crate::date::DateText;
use crate::doorway::{Doorway, DoorwayTable};
use crate::explain::Footprints;
use crate::figures::Counters;
use crate::flights::Flights;
use crate::http1::scratch::ScratchPool;
use crate::origin::{Connector, Origins, UpstreamTable};
use crate::presence::Visitors;
use crate::ray::Rays;
use crate::site_figures::SiteCounterTable;
use crate::tier::Tier;
use crate::vigil::{AllVigils, Vigils};
use arc_swap::ArcSwap;
use certificates::acme::Board;
use geo::Places;
use guard::{Desk, Guard};
use object_cache::{ObjectCache, Quota};
use shield::admission::Familiar;
use snapshot::Snapshot;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use vocabulary::{Cidr, Clock, Hostname, Random, SiteId};

/// What each request looks up by its site. Sites' ids are the control plane's to give, never a visitor's, so a hash that
/// is quick to compute will do.
pub(crate) type BySite<T> = HashMap<SiteId, T, foldhash::fast::RandomState>;

/// Bytes of bodies that may wait at once to be whole before they are stored.
pub(crate) const FILLING_BYTES_MAX: usize = 64 << 20;

/// What requests are served from: replaced whole when a parcel was applied.
#[derive(Default)]
pub(crate) struct Serving {
    /// Sites and measures.
    pub(crate) snapshot: Arc<Snapshot>,
    /// The sites' counters; those of sites that stay are carried over.
    pub(crate) sites: SiteCounterTable,
    /// The sites' origins; those of sites that stay are carried over.
    pub(crate) upstreams: UpstreamTable,
    /// What sites demand of TLS; those that stay keep what was set up for them.
    pub(crate) doorways: DoorwayTable,
    /// Counts replacements; 0 before the first parcel.
    pub(crate) generation: u64,
}

impl Serving {
    /// What the site of a host demands of TLS.
    pub(crate) fn doorway(&self, host: &Hostname) -> Option<&Arc<Doorway>> {
        if self.doorways.is_empty() {
            return None;
        }
        self.doorways.get(&self.snapshot.site(host)?.id)
    }

    /// The same of the name that a handshake asks for; an address is asked for without one.
    pub(crate) fn doorway_of_name(&self, name: Option<&str>) -> Option<&Arc<Doorway>> {
        if self.doorways.is_empty() {
            return None;
        }
        self.doorway(&Hostname::parse(name?).ok()?)
    }
}

/// One per process.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) serving: ArcSwap<Serving>,
    /// Tells who checks origins that `serving` was replaced.
    pub(crate) replaced: watch::Sender<u64>,
    /// Who is in the middle of an answer, to be told the same.
    pub(crate) vigils: AllVigils,
    /// Proofs that certificate authorities look for.
    pub(crate) board: Arc<Board>,
    pub(crate) cache: ObjectCache,
    /// Whether the cache has a disk, where what memory lacks may be.
    pub(crate) on_disk: bool,
    /// Bounds the bytes of bodies that wait to be whole, and no account can take all of them.
    pub(crate) filling: Quota,
    /// The longest body that is stored as it comes in.
    pub(crate) body_bytes_max: u64,
    /// Requests to origins under way for the cache.
    pub(crate) flights: Arc<Flights>,
    pub(crate) encoders: Encoders,
    pub(crate) log: Option<Arc<AccessLog>>,
    pub(crate) trusted_proxies: Vec<Cidr>,
    /// Edges that fetch through this one.
    pub(crate) children: Vec<Cidr>,
    /// Both: whose `X-Forwarded-For` is believed.
    pub(crate) forwarders: Vec<Cidr>,
    /// Whether another process takes over what is kept on disk.
    pub(crate) has_let_go: AtomicBool,
    /// Where this process listens for TLS; none: nowhere, and nobody is sent there.
    pub(crate) https_port: Option<u16>,
    pub(crate) tier: Tier,
    pub(crate) guard: Arc<Guard>,
    /// Who was here while there was room.
    pub(crate) familiar: Familiar,
    /// Where addresses lie.
    pub(crate) places: Arc<Places>,
    /// Workers that may ask origins.
    pub(crate) workers: usize,
}

impl Shared {
    /// Whether a peer's word in the PROXY protocol is believed for who its visitor is.
    pub(crate) fn trusts_proxy(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(peer))
    }
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
    pub(crate) visitors: Arc<Visitors>,
    /// Its answers under way that wait.
    pub(crate) vigils: Arc<Vigils>,
    /// Where its requests are judged.
    pub(crate) desk: Arc<Desk>,
    /// Whether the edge is to end: answers of HTTP/1 are then the last of their connections.
    pub(crate) winding_down: AtomicBool,
    /// Fills this worker has begun; the crew waits for them at the end.
    pub(crate) fills: TaskTracker,
}

/// How often idle connections to origins are looked through.
const TIDY_EVERY: Duration = Duration::from_secs(5);

impl Worker {
    /// The worker of this number, counted from 0.
    pub(crate) fn new(
        shared: Arc<Shared>,
        number: usize,
        connector: Arc<Connector>,
        random: &dyn Random,
    ) -> Self {
        Self {
            desk: shared.guard.desk(),
            vigils: shared.vigils.of_worker(),
            shared,
            scratch: ScratchPool::default(),
            origins: Origins::new(connector, number),
            counters: Counters::default(),
            rays: Rays::new(random),
            footprints: Footprints::default(),
            date: DateText::default(),
            visitors: Arc::default(),
            winding_down: AtomicBool::new(false),
            fills: TaskTracker::new(),
        }
    }

    /// Looks through idle connections to origins from time to time, until the worker is to stop.
    pub(crate) async fn tidy_until(&self, stopping: impl Future<Output = ()>) {
        let tidy = async {
            loop {
                tokio::time::sleep(TIDY_EVERY).await;
                self.origins.tidy();
            }
        };
        tokio::select! {
            () = stopping => {}
            () = tidy => {}
        }
    }
}
