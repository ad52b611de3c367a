//! From the feed to what is served: applies each parcel, swaps the snapshot, keeps what a restart needs,
//! refreshes certificates, takes purges into the cache, and tells the publisher what became of it.

use crate::doorway::Doorway;
use crate::origin::Upstream;
use crate::site_figures::SiteCounters;
use crate::worker::{Serving, Shared};
use caching::PurgeWindow;
use certificates::{CertificateStore, Source, Wanted};
use feed::{Receipt, Subscription};
use replica::Replica;
use snapshot::{Alarm, Applied, Enforcement, Parcel, Site};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vocabulary::Timestamp;

/// Nothing is looked at again later than this, whatever the clock does.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(60);
/// How long certificates rest once another process has the vault.
const LET_GO_PAUSE: Duration = Duration::from_secs(60);

/// Owns the measures that run.
pub(crate) struct Enforcer {
    shared: Arc<Shared>,
    feed: Subscription,
    /// Purges come by themselves, and wait for no parcel.
    purges: Subscription,
    /// What was told last.
    receipt: Receipt,
    enforcement: Enforcement,
    replica: Option<Arc<Replica>>,
    certificates: Arc<CertificateStore>,
    /// The parcel applied last; once more when a lease in it begins later.
    parcel: Option<Arc<Parcel>>,
    retry_at: Option<Timestamp>,
    certificates_due: Timestamp,
}

impl Enforcer {
    pub(crate) fn new(
        edge: String,
        shared: Arc<Shared>,
        feed: Subscription,
        enforcement: Enforcement,
        replica: Option<Replica>,
        certificates: Arc<CertificateStore>,
    ) -> Self {
        let certificates_due = shared.clock.now();
        let replica = replica.map(Arc::new);
        let purges = feed.clone();
        let purged = shared.cache.held_revision();
        let receipt = Receipt { edge, revision: 0, purged, applied: vec![], refused: vec![], alarms: vec![] };
        Self {
            shared,
            feed,
            purges,
            receipt,
            enforcement,
            replica,
            certificates,
            parcel: None,
            retry_at: None,
            certificates_due,
        }
    }

    /// Before the first visitor: what the replica kept, then what the feed has. Always in this order, so that
    /// a measure that ran before a restart runs on even if the feed has forgotten it.
    pub(crate) fn begin(&mut self) {
        self.begin_from_replica();
        if let Some(window) = self.purges.purges() {
            self.purge(&window);
        }
        if let Some(parcel) = self.feed.current() {
            self.apply(parcel);
        }
    }

    fn begin_from_replica(&mut self) {
        let Some(replica) = &self.replica else { return };
        match replica.load() {
            Ok(kept) => {
                for damage in &kept.damage {
                    tracing::error!(?damage, "the replica is damaged; older state is used");
                }
                if let Some((parcel, generation)) = kept.parcel {
                    tracing::info!(revision = parcel.revision, ?generation, "starting from the replica");
                    self.apply(Arc::new(parcel));
                }
            }
            Err(error) => tracing::error!(%error, "the replica cannot be read; waiting for the feed"),
        }
    }

    /// Follows the feed until the edge stops.
    pub(crate) async fn run(mut self, stopping: CancellationToken) {
        let (mut ended, mut purges_ended) = (false, false);
        loop {
            let wait = self.until_next_look();
            tokio::select! {
                () = stopping.cancelled() => return,
                changed = self.feed.changed(), if !ended => match changed {
                    Ok(parcel) => self.apply(parcel),
                    Err(_) => {
                        tracing::warn!("the feed has ended; known measures run on to their end");
                        ended = true;
                    }
                },
                purged = self.purges.purges_changed(), if !purges_ended => match purged {
                    Ok(window) => self.purge(&window),
                    Err(_) => purges_ended = true,
                },
                () = tokio::time::sleep(wait) => self.look_again(),
            }
        }
    }

    fn until_next_look(&self) -> Duration {
        let now = self.shared.clock.now();
        let next = self.retry_at.map_or(self.certificates_due, |retry| retry.min(self.certificates_due));
        next.since(now).clamp(Duration::from_millis(10), LOOK_AGAIN_MAX)
    }

    fn look_again(&mut self) {
        let now = self.shared.clock.now();
        if self.retry_at.is_some_and(|retry| retry <= now)
            && let Some(parcel) = self.parcel.clone()
        {
            self.apply(parcel);
        } else if self.certificates_due <= now {
            self.refresh_certificates(now);
        }
    }

    fn apply(&mut self, parcel: Arc<Parcel>) {
        let now = self.shared.clock.now();
        let applied = self.enforcement.apply(&parcel, now);
        self.retry_at = applied.retry_at;
        serve(&self.shared, &applied);
        for alarm in &applied.alarms {
            tracing::error!(%alarm, "enforcement alarm");
        }
        self.keep(&parcel);
        self.report(parcel.revision, applied);
        let sites_changed = self.parcel.as_ref().is_none_or(|before| before.sites != parcel.sites);
        self.parcel = Some(parcel);
        if sites_changed {
            self.refresh_certificates(now);
        }
    }

    /// Takes purges into the cache. What is told is held: nothing that they name is sent any more, by requests
    /// that come or by flights that have begun.
    fn purge(&mut self, window: &PurgeWindow) {
        match self.shared.cache.apply(window) {
            Ok(held) => {
                self.shared.flights.close_all();
                self.receipt.purged = held;
                self.feed.report(self.receipt.clone());
            }
            Err(error) => tracing::error!(%error, "purges cannot be written down; they are not confirmed"),
        }
    }

    /// Kept before an outcome is reported: what was said to run must run after a restart, measures that the
    /// parcel leaves out included.
    fn keep(&self, parcel: &Parcel) {
        let Some(replica) = &self.replica else { return };
        if self.shared.has_let_go.load(Ordering::Acquire) {
            return;
        }
        let given: HashSet<_> = parcel.bundles.iter().collect();
        let omitted: Vec<_> =
            self.enforcement.bundles().filter(|bundle| !given.contains(bundle)).cloned().collect();
        let mut kept = parcel.clone();
        kept.bundles.extend(omitted);
        if let Err(error) = replica.keep(&kept, self.enforcement.trust()) {
            tracing::error!(%error, "the replica cannot be written; a restart will need the feed");
        }
    }

    fn report(&mut self, revision: u64, applied: Applied) {
        let refused = applied.refused.into_iter().map(|(id, refusal)| (id, refusal.to_string())).collect();
        // Refusals are told by themselves, with their decision.
        let told = applied.alarms.iter().filter(|alarm| !matches!(alarm, Alarm::Refused { .. }));
        let alarms = told.map(ToString::to_string).collect();
        self.receipt.revision = revision;
        self.receipt.applied = applied.applied;
        self.receipt.refused = refused;
        self.receipt.alarms = alarms;
        self.feed.report(self.receipt.clone());
    }

    fn refresh_certificates(&mut self, now: Timestamp) {
        if self.shared.has_let_go.load(Ordering::Acquire) {
            // The vault is another process's; where that fails, this one goes on.
            self.certificates_due = now.plus(LET_GO_PAUSE);
            return;
        }
        let serving = self.shared.serving.load();
        let wanted: Vec<_> = serving.snapshot.sites().iter().map(|site| wanted(site)).collect();
        let refreshed = self.certificates.refresh(&wanted, now);
        for failure in &refreshed.failures {
            let (hosts, kept) = (&failure.hosts, failure.earlier_kept);
            tracing::warn!(?hosts, error = %failure.error, earlier_kept = kept, "no certificate for a site");
        }
        self.certificates_due = refreshed.next;
    }
}

fn wanted(site: &Site) -> Wanted {
    let source = match &site.certificate {
        Some(files) => Source::Files { chain: files.chain.clone(), key: files.key.clone() },
        None => Source::Managed,
    };
    Wanted { site: site.id, account: site.account, hosts: site.hosts.clone(), source }
}

/// Puts a snapshot in force; answers under way hear of it.
fn serve(shared: &Shared, applied: &Applied) {
    let before = shared.serving.load_full();
    let generation = before.generation + 1;
    let counters = |site: &Arc<Site>| {
        let known = before.sites.get(&site.id).cloned();
        (site.id, known.unwrap_or_else(|| Arc::new(SiteCounters::of(site.id))))
    };
    let sites = applied.snapshot.sites().iter().map(counters).collect();
    shared.cache.assign(applied.snapshot.sites().iter().map(|site| (site.id, site.account)));
    let upstream =
        |site: &Arc<Site>| (site.id, Upstream::of(site, before.upstreams.get(&site.id), shared.workers));
    let upstreams = applied.snapshot.sites().iter().map(upstream).collect();
    let doorway = |site: &Arc<Site>| Some((site.id, Doorway::of(site, before.doorways.get(&site.id))?));
    let doorways = applied.snapshot.sites().iter().filter_map(doorway).collect();
    let snapshot = Arc::clone(&applied.snapshot);
    shared.serving.store(Arc::new(Serving { snapshot, sites, upstreams, doorways, generation }));
    shared.replaced.send_replace(generation);
    shared.vigils.replaced(generation);
}
