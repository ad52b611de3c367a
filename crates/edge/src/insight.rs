//! Looking into a running edge from outside its workers.

use crate::figures::Figures;
use crate::origin::Connector;
use crate::prewarm::Prewarmer;
use crate::reasons::{Outcome, Reason};
use crate::worker::{Shared, Worker};
use guard::EventFilter;
use shield::events::{ActiveSignature, EventRecord};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use vocabulary::SiteId;

/// Looks into a running edge. Clones look into the same.
#[derive(Clone)]
pub struct Insight {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connector: Arc<Connector>,
    pub(crate) workers: Arc<[Arc<Worker>]>,
    pub(crate) prewarmer: Prewarmer,
}

impl Insight {
    /// What the edge has done and holds now.
    pub fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        let mut tally = vec![0; Reason::ALL.len()];
        for worker in self.workers.iter() {
            figures.add_worker(&worker.counters, &mut tally);
        }
        let occurred = Reason::ALL.iter().copied().zip(tally).filter(|(_, count)| *count > 0);
        figures.reasons = occurred.collect();
        let by_measure = |(reason, _): &&(Reason, u64)| reason.outcome() == Outcome::Blocked;
        figures.blocked = figures.reasons.iter().filter(by_measure).map(|(_, count)| count).sum();
        let serving = self.shared.serving.load();
        figures.add_sites(&serving.sites);
        figures.revision = (serving.generation > 0).then(|| serving.snapshot.revision());
        let now = self.shared.clock.now();
        figures.add_origins(&serving.upstreams, now);
        let running = serving.snapshot.measures().iter().filter(|measure| measure.in_force_at(now));
        figures.measures = running.count() as u64;
        figures.cache = self.shared.cache.figures();
        figures.origin_loops = self.connector.loops.load(Ordering::Relaxed);
        figures.parent = self.shared.tier.figures();
        figures.codings = self.shared.encoders.figures();
        figures.log_lines_dropped = self.shared.log.as_ref().map_or(0, |log| log.dropped());
        figures
    }

    /// Lets go of what is kept on disk, for another process to take it over: the disk of the cache, and the replica,
    /// which is not written any more. Visitors are served on, from memory and from origins.
    pub async fn let_go(&self) {
        self.shared.has_let_go.store(true, Ordering::Release);
        self.shared.cache.release_disk().await;
    }

    /// Nobody has taken over: the replica is written again. The cache stays in memory alone until the edge is started
    /// anew.
    pub fn go_on(&self) {
        self.shared.has_let_go.store(false, Ordering::Release);
    }

    /// The latest events of the shield that are wanted, the newest first.
    pub fn shield_events(&self, filter: &EventFilter) -> Vec<EventRecord> {
        self.shared.guard.events(filter)
    }

    /// The signatures that are acted upon.
    pub fn shield_signatures(&self) -> Vec<ActiveSignature> {
        self.shared.guard.signatures()
    }

    /// Has a signature undone, by its id; false where the site has none of it.
    pub fn shield_undo(&self, site: SiteId, id: &str) -> bool {
        self.shared.guard.undo(site, id)
    }

    /// Whether a parcel was applied, so that visitors are answered.
    pub fn is_ready(&self) -> bool {
        self.shared.serving.load().generation > 0
    }
}
