//! What edges should serve: all sites, and the bundles of all measures whose lease runs.
//!
//! Planned from the records alone. A parcel needs a revision that no other parcel had, across restarts
//! too; what the last one held is kept in a register before it goes out.

use super::{Moved, ReconcileError};
use crate::bundles::newest_record;
use crate::defence;
use crate::plane::Plane;
use casework::DecisionState;
use error_pages::Page;
use policy::{Measure, Terms};
use records::{ApplyError, Change, PutError, RevisionNote, Versioned};
use serde::{Deserialize, Serialize};
use snapshot::{Consistency, FeedVersion, OperatorShield, Parcel, Site};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{DecisionId, Digest, Hasher, Timestamp};

/// The register that remembers the last parcel.
const REGISTER: &str = "plan";
/// Most sizes of the log remembered, for edges that saw an older one last.
const SIZES_MAX: usize = 256;
/// Bundles are proved anew this often, for edges that come later: they take no cosignature older than
/// an hour.
const PROOF_FRESH: Duration = Duration::from_secs(30 * 60);

/// What the last parcel held.
#[derive(Debug, Clone, Default)]
pub(crate) struct Planned {
    kept: Option<Versioned<Kept>>,
    /// Whether this process has published it.
    out: bool,
    /// When the checkpoint in it was cosigned.
    proved: Timestamped,
}

type Timestamped = Option<Timestamp>;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    revision: u64,
    decisions: Vec<DecisionId>,
    /// The newest record of each, by its place in the log.
    #[serde(default)]
    records: Vec<u64>,
    /// A digest of the hosts that customers have proved; empty: none.
    #[serde(default)]
    hosts: String,
    /// Sizes of the log that edges may have seen, the oldest first.
    sizes: Vec<u64>,
    /// Places of the suspensions that act.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    suspensions: Vec<u64>,
    /// The operator's book and the lists' versions; none: nothing was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    defence: Option<Digest>,
}

/// What the operator sets for the defence, and the lists, as they go out.
struct Defence {
    shield: OperatorShield,
    feeds: Vec<FeedVersion>,
    /// What tells it from another.
    mark: Option<Digest>,
}

pub(super) async fn reconcile(plane: &Plane, planned: &mut Planned) -> Result<Moved, ReconcileError> {
    let kept = match planned.kept.take() {
        Some(kept) => kept,
        None => read(plane).await?,
    };
    let now = plane.clock.now();
    let running = running(plane, now).await?;
    let ids: Vec<DecisionId> = running.iter().map(|held| held.value.id).collect();
    let records = newest_records(&running);
    let present = plane.records.revision().await?;
    let stale = !ids.is_empty() && planned.proved.is_none_or(|proved| now.since(proved) >= PROOF_FRESH);
    let defence = defended(plane).await?;
    let suspensions = plane.suspension_bundles(now).await.map_err(ReconcileError::Bundle)?;
    let same_suspension = suspensions.iter().map(|proved| &proved.index).eq(&kept.value.suspensions);
    let same_measures = kept.value.decisions == ids && kept.value.records == records && same_suspension;
    let hosts = plane.host_names.served_digest();
    let same_hosts = kept.value.hosts == hosts;
    let same_defence = kept.value.defence == defence.mark;
    let same_sets = same_measures && same_hosts && same_defence;
    let same = planned.out && kept.value.revision == present && same_sets;
    if same && !stale {
        planned.kept = Some(kept);
        return Ok(Moved::No);
    }
    // Only a parcel of sites alone may go out again under its old number, after a restart.
    let used = kept.value.revision == present && (planned.out || !ids.is_empty() || !same_sets);
    let revision = if used { mark(plane, present, &ids).await? } else { Some(present) };
    if let Some(revision) = revision {
        publish(plane, planned, kept, &running, defence, revision).await?;
    }
    Ok(Moved::Yes)
}

/// The operator's book without what has ended, and the feeds' versions.
async fn defended(plane: &Plane) -> Result<Defence, ReconcileError> {
    let book = defence::book(&*plane.records).await?;
    let feeds = plane.feeds.versions();
    let mut hasher = Hasher::domain("wardmote-defence/1").part(&book.version.to_be_bytes());
    for feed in &feeds {
        hasher = hasher.part(feed.address.as_bytes()).part(feed.digest.as_bytes());
    }
    let mark = (book.version > 0 || !feeds.is_empty()).then(|| hasher.finish());
    let mut value = book.value;
    value.prune(plane.clock.now());
    Ok(Defence { shield: value.shield, feeds, mark })
}

type Held = Arc<Versioned<casework::Decision>>;

/// Published decisions whose lease runs, by id. A termination goes out once its notice has passed: for thirty days edges
/// would refuse it as too early, and an alarm would stand for nothing.
async fn running(plane: &Plane, now: Timestamp) -> Result<Vec<Held>, ReconcileError> {
    let published = |state: &DecisionState| {
        // Edges are told of an end until the lease would be over: some may have been away.
        matches!(
            state,
            DecisionState::Published { .. } | DecisionState::InForce { .. } | DecisionState::Ended { .. }
        )
    };
    let mut open = plane.docket.open().await?;
    let runs =
        |terms: &Terms| (terms.measure != Measure::M7 || terms.not_before <= now) && now < terms.expires;
    open.retain(|held| published(&held.value.state) && runs(&held.value.terms));
    Ok(open)
}

fn newest_records(running: &[Held]) -> Vec<u64> {
    running.iter().filter_map(|held| newest_record(&held.value)).collect()
}

async fn read(plane: &Plane) -> Result<Versioned<Kept>, ReconcileError> {
    let Some(register) = plane.records.register(REGISTER).await? else {
        return Ok(Versioned { version: 0, value: Kept::default() });
    };
    let value = serde_json::from_slice(&register.value);
    let value = value.map_err(|error| ReconcileError::Damaged(format!("register {REGISTER}: {error}")))?;
    Ok(Versioned { version: register.version, value })
}

/// Takes a revision for a parcel whose sites are as they were; `None` when somebody else was faster.
async fn mark(plane: &Plane, present: u64, ids: &[DecisionId]) -> Result<Option<u64>, ReconcileError> {
    let actor = format!("planner: {} measures", ids.len());
    let note = RevisionNote { at: plane.clock.now(), actor };
    match plane.records.apply(&[Change::Mark], Some(present), &note).await {
        Ok(revision) => Ok(Some(revision)),
        Err(ApplyError::Conflict { .. }) => Ok(None),
        Err(error) => Err(ReconcileError::Apply(error)),
    }
}

/// Leaves out what was added to a site since a measure on it was proposed: the measure names hosts, and a name more
/// would be a way around it. It is served when the measure has ended.
fn withhold(plane: &Plane, running: &[Held], sites: &mut [Site]) {
    let in_force = |held: &&Held| !matches!(held.value.state, DecisionState::Ended { .. });
    for held in running.iter().filter(in_force) {
        let since = held.value.first_terms().proposed_at();
        for scoped in held.value.scope.sites() {
            let Some(site) = sites.iter_mut().find(|site| site.id == scoped.site) else { continue };
            let added = plane.host_names.added_since(site.id, since);
            site.hosts.retain(|host| scoped.hosts.contains(host) || !added.contains(host));
        }
    }
}

async fn publish(
    plane: &Plane,
    planned: &mut Planned,
    mut kept: Versioned<Kept>,
    running: &[Held],
    defence: Defence,
    revision: u64,
) -> Result<(), ReconcileError> {
    // Before the sites are read: what is proved meanwhile makes another parcel.
    kept.value.hosts = plane.host_names.served_digest();
    let fleet = plane.fleet().await?;
    if fleet.revision != revision {
        // Somebody applied meanwhile; the next round plans on that.
        return Ok(());
    }
    let mut fleet = fleet;
    withhold(plane, running, &mut fleet.sites);
    let pages = pages(plane, &fleet.sites).await?;
    let Defence { shield, feeds, mark } = defence;
    let mut parcel = Parcel { revision, sites: fleet.sites, pages, shield, feeds, ..Parcel::default() };
    // Proved first, so under no newer checkpoint than the measures: an edge takes it in before them.
    let suspensions = plane.suspension_bundles(plane.clock.now()).await.map_err(ReconcileError::Bundle)?;
    kept.value.suspensions = suspensions.iter().map(|proved| proved.index).collect();
    for proved in suspensions {
        // An edge without any measure learns of the log by this alone, and asks how it grew from here.
        remember(&mut kept.value.sizes, proved.size);
        parcel.suspensions.push(proved.bytes);
    }
    let mut checkpoint = None;
    for held in running {
        let bundle = plane.bundle(&held.value).await.map_err(ReconcileError::Bundle)?;
        parcel.bundles.push(bundle.bytes);
        checkpoint = Some(bundle.checkpoint);
    }
    if let Some(checkpoint) = &checkpoint {
        parcel.consistency = consistency(plane, &kept.value.sizes, checkpoint.size);
        remember(&mut kept.value.sizes, checkpoint.size);
    }
    kept.value.revision = revision;
    kept.value.decisions = running.iter().map(|held| held.value.id).collect();
    kept.value.records = newest_records(running);
    kept.value.defence = mark;
    let bytes =
        serde_json::to_vec(&kept.value).map_err(|error| ReconcileError::Damaged(error.to_string()))?;
    match plane.records.put_register(REGISTER, &bytes, kept.version).await {
        Ok(version) => kept.version = version,
        Err(error @ PutError::Store(_)) => return Err(ReconcileError::Put(error)),
        // The write before this one had its effect after all: the next round reads it.
        Err(_) => return Ok(()),
    }
    match plane.publisher.publish(Arc::new(parcel)).await {
        Ok(()) | Err(feed::PublishError::NotNewer { .. }) => {}
        Err(error) => return Err(ReconcileError::Feed(error)),
    }
    *planned =
        Planned { kept: Some(kept), out: true, proved: checkpoint.map(|checkpoint| checkpoint.cosigned) };
    Ok(())
}

/// The error pages that the sites name. One that is damaged is left out and logged: its site then shows ours.
async fn pages(plane: &Plane, sites: &[Site]) -> Result<BTreeMap<Digest, Arc<Page>>, ReconcileError> {
    let named: BTreeSet<Digest> =
        sites.iter().flat_map(|site| site.pages.by_class.values().copied()).collect();
    let mut pages = BTreeMap::new();
    for digest in &named {
        match plane.shelf.find(&*plane.records, digest).await? {
            Some(page) => drop(pages.insert(*digest, page)),
            None => tracing::error!(%digest, "an error page that a site names is not held, or damaged"),
        }
    }
    plane.shelf.keep_only(&named);
    Ok(pages)
}

/// Proofs from every size that an edge may have seen last.
fn consistency(plane: &Plane, sizes: &[u64], to: u64) -> Vec<Consistency> {
    let tree = plane.sequencer.tree().read();
    let older = sizes.iter().copied().filter(|size| *size < to);
    let proof = |from| tree.consistency(from, to).ok().map(|proof| Consistency { from, to, proof });
    older.filter_map(proof).collect()
}

fn remember(sizes: &mut Vec<u64>, size: u64) {
    if sizes.last() != Some(&size) {
        sizes.push(size);
    }
    if sizes.len() > SIZES_MAX {
        sizes.drain(..sizes.len() - SIZES_MAX);
    }
}
