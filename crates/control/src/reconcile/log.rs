//! Approved decisions: the entry with its approvals goes into the log.

use super::{Moved, ReconcileError, keep};
use crate::plane::Plane;
use crate::sequencer::Item;
use casework::{Decision, DecisionState, Logged};
use ledger::{Body, Entry};
use policy::approve;
use records::Versioned;
use vocabulary::Timestamp;

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let mut moved = Moved::No;
    for held in plane.docket.open().await? {
        if matches!(held.value.state, DecisionState::Approving { .. })
            && log(plane, &held).await? == Moved::Yes
        {
            moved = Moved::Yes;
        }
    }
    Ok(moved)
}

async fn log(plane: &Plane, held: &Versioned<Decision>) -> Result<Moved, ReconcileError> {
    let decision = &held.value;
    if !has_enough(plane, decision) {
        return Ok(Moved::No);
    }
    let entry = entry(decision)?;
    let leaf = entry.leaf_hash().map_err(|error| ReconcileError::Damaged(error.to_string()))?;
    let index = plane.records.index_of(&leaf).await?;
    let case = plane.records.case(decision.case).await?;
    let case = case.ok_or_else(|| ReconcileError::Damaged(format!("{} is gone", decision.case)))?;
    let (roster, now) = (&plane.founded.roster, plane.clock.now());
    let earlier = plane.docket.earlier(case.value.account, roster, now).await?;
    let ready = match decision.ready(&case.value, roster, &earlier, now) {
        Ok(ready) => ready,
        // Enough officers signed, and the facts do not carry it any more: nothing happens by itself.
        Err(refusal) => {
            plane.alarms.raise("decision-not-logged", decision.id, &refusal, plane.clock.now());
            return Ok(Moved::No);
        }
    };
    plane.alarms.clear("decision-not-logged", decision.id);
    match index.and_then(|index| published(plane, index, plane.clock.now())) {
        Some(logged) => keep(plane, decision.clone().log(ready, logged)?, held.version).await,
        None if index.is_some() => Ok(Moved::No),
        None => {
            plane.sequencer.submit(Item::Sealed(entry)).map_err(ReconcileError::Submit)?;
            Ok(Moved::No)
        }
    }
}

/// Whether the approvals suffice. From then on the decision takes no further one, so that its entry
/// stays the same until it is logged.
pub(crate) fn has_enough(plane: &Plane, decision: &Decision) -> bool {
    let approvals = decision.state.approvals();
    approve(decision.body.as_bytes(), approvals, &plane.founded.roster, &decision.terms).is_ok()
}

fn entry(decision: &Decision) -> Result<Entry, ReconcileError> {
    let body = Body::parse(decision.body.as_bytes());
    let body = body.map_err(|error| ReconcileError::Damaged(error.to_string()))?;
    Ok(Entry { body, approvals: decision.state.approvals().to_vec() })
}

/// The place of an entry, once a published checkpoint covers it.
pub(super) fn published(plane: &Plane, index: u64, at: Timestamp) -> Option<Logged> {
    let checkpoint = plane.sequencer.published()?;
    if checkpoint.size <= index {
        return None;
    }
    let leaf = *plane.sequencer.tree().read().leaf(index)?;
    Some(Logged { index, leaf, at })
}
