//! Gaps: an edge enforced a measure and stopped saying so while the lease runs. An alarm while one lasts, an entry of
//! the log when it is over, so that "in force" is never told of a time in which it was not.

use super::{Moved, ReconcileError};
use crate::plane::Plane;
use crate::sequencer::{Draft, Item, find_gap};
use casework::{Decision, DecisionState};
use feed::Receipt;
use ledger::{EnforcementGap, Kind};
use records::{PutError, Versioned};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use vocabulary::{DecisionId, Timestamp};

const GAP: &str = "enforcement-gap";
/// The register that holds when each gap began.
const REGISTER: &str = "gaps";
/// Most gaps that are followed at once; beyond it they are alarms alone.
const GAPS_MAX: usize = 1_000;

/// A gap that lasts, or is over and not in the log yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Gap {
    decision: DecisionId,
    edge: String,
    from: Timestamp,
    /// Edges that ever enforced it, and those of them that still did when it began.
    edges: u32,
    #[serde(default)]
    enforcing: u32,
    until: Option<Timestamp>,
}

pub(super) async fn reconcile(
    plane: &Plane,
    decisions: &[&Decision],
    receipts: &[Receipt],
) -> Result<Moved, ReconcileError> {
    let open = open(plane, decisions, receipts);
    let held = kept(plane).await?;
    let mut gaps = held.value.clone();
    for gap in gaps.iter_mut().filter(|gap| gap.until.is_none()) {
        gap.until = over(gap, decisions, receipts, plane.clock.now());
    }
    for new in open {
        let lasts = |gap: &Gap| gap.until.is_none() && (gap.decision, &gap.edge) == (new.decision, &new.edge);
        if gaps.len() < GAPS_MAX && !gaps.iter().any(lasts) {
            gaps.push(new);
        }
    }
    let mut left = Vec::new();
    for gap in gaps {
        if !is_logged(plane, &gap).await? {
            left.push(gap);
        }
    }
    if left == held.value {
        return Ok(Moved::No);
    }
    let bytes = serde_json::to_vec(&left).map_err(|error| ReconcileError::Damaged(error.to_string()))?;
    match plane.records.put_register(REGISTER, &bytes, held.version).await {
        Ok(_) | Err(PutError::Conflict { .. }) => Ok(Moved::No),
        Err(error) => Err(ReconcileError::Put(error)),
    }
}

/// The gaps that last now, each with its alarm.
fn open(plane: &Plane, decisions: &[&Decision], receipts: &[Receipt]) -> Vec<Gap> {
    let now = plane.clock.now();
    let mut standing = BTreeSet::new();
    let mut open = Vec::new();
    for decision in decisions.iter().filter(|decision| now < decision.terms.expires) {
        let DecisionState::InForce { receipts: enforced, .. } = &decision.state else { continue };
        let id = decision.id;
        // An edge that says nothing at all is taken to enforce what it enforced: a lease needs no word from here.
        let stopped = |edge: &str| {
            let latest = receipts.iter().find(|receipt| receipt.edge == edge);
            latest.is_some_and(|latest| !latest.applied.contains(&id))
        };
        let count = |edges: usize| u32::try_from(edges).unwrap_or(u32::MAX);
        let gone: Vec<&str> =
            enforced.iter().map(|known| &*known.edge).filter(|edge| stopped(edge)).collect();
        let (edges, enforcing) = (count(enforced.len()), count(enforced.len() - gone.len()));
        for edge in gone {
            let subject = format!("{edge} {id}");
            let text = format!("edge {edge} no longer enforces {id} although its lease runs");
            plane.alarms.raise(GAP, &subject, text, now);
            standing.insert(subject);
            open.push(Gap { decision: id, edge: edge.to_owned(), from: now, edges, enforcing, until: None });
        }
    }
    plane.alarms.clear_where(GAP, |subject| !standing.contains(subject));
    open
}

/// When a gap ended: its edge says that it enforces the measure, or the measure is over. An edge that says nothing
/// at all ends none.
fn over(gap: &Gap, decisions: &[&Decision], receipts: &[Receipt], now: Timestamp) -> Option<Timestamp> {
    let decision = decisions.iter().find(|decision| decision.id == gap.decision);
    let acts = |decision: &&&Decision| {
        matches!(decision.state, DecisionState::InForce { .. }) && now < decision.terms.expires
    };
    let Some(decision) = decision.filter(acts) else { return Some(now) };
    let latest = receipts.iter().find(|receipt| receipt.edge == gap.edge);
    latest.is_some_and(|latest| latest.applied.contains(&decision.id)).then_some(now)
}

/// Whether a gap that is over stands in the log; hands it in while it does not.
async fn is_logged(plane: &Plane, gap: &Gap) -> Result<bool, ReconcileError> {
    let Some(until) = gap.until else { return Ok(false) };
    let decision = gap.decision;
    let (edge, edges) = (Some(EnforcementGap::edge(decision, &gap.edge)), [gap.edges, gap.enforcing]);
    let said = EnforcementGap { decision, from: gap.from, until, edge, edges };
    if find_gap(&*plane.records, &said).await.map_err(ReconcileError::Log)?.is_some() {
        return Ok(true);
    }
    let draft = Draft {
        kind: Kind::EnforcementGap,
        time: until,
        actors: vec!["sequencer".to_owned()],
        subject: decision.to_string(),
        policy: None,
        commitments: None,
        public: serde_json::to_value(said).map_err(|error| ReconcileError::Damaged(error.to_string()))?,
    };
    plane.sequencer.submit(Item::Draft(draft)).map_err(ReconcileError::Submit)?;
    Ok(false)
}

async fn kept(plane: &Plane) -> Result<Versioned<Vec<Gap>>, ReconcileError> {
    let Some(register) = plane.records.register(REGISTER).await? else {
        return Ok(Versioned { version: 0, value: Vec::new() });
    };
    let value = serde_json::from_slice(&register.value);
    let value = value.map_err(|error| ReconcileError::Damaged(format!("register {REGISTER}: {error}")))?;
    Ok(Versioned { version: register.version, value })
}
