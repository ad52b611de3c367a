//! Approved decisions: the entry with its approvals goes into the log.
//!
//! The gate is asked before an entry is handed in, never after: what the log holds is decided.

use super::{Moved, ReconcileError, duress, keep};
use crate::plane::Plane;
use crate::sequencer::Item;
use casework::{Decision, DecisionState, Logged};
use ledger::{Body, Entry};
use policy::approve;
use records::Versioned;
use vocabulary::Timestamp;

/// The alarm for a decision that enough officers signed and that the gate holds back.
pub(super) const NOT_LOGGED: &str = "decision-not-logged";

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
    match trace(plane, decision).await? {
        Trace::Published(logged) => {
            plane.alarms.clear(NOT_LOGGED, decision.id);
            keep(plane, decision.clone().log_found(logged)?, held.version).await
        }
        Trace::OnTheWay => Ok(Moved::No),
        Trace::None => hand_in(plane, decision).await,
    }
}

/// Hands the entry to the log if the gate is still open.
async fn hand_in(plane: &Plane, decision: &Decision) -> Result<Moved, ReconcileError> {
    if !has_enough(plane, decision) || duress::holds(plane, decision.state.approvals()) {
        return Ok(Moved::No);
    }
    let case = plane.records.case(decision.case).await?;
    let case = case.ok_or_else(|| ReconcileError::Damaged(format!("{} is gone", decision.case)))?;
    let (roster, now) = (&plane.founded.roster, plane.clock.now());
    let earlier = plane.docket.earlier(case.value.account, roster, now).await?;
    let order = plane.docket.order_behind(decision).await?;
    match decision.ready((&case.value, order.as_ref()), roster, &earlier, now) {
        Ok(_) => {
            plane.alarms.clear(NOT_LOGGED, decision.id);
            plane.sequencer.submit(Item::Sealed(entry(decision)?)).map_err(ReconcileError::Submit)?;
        }
        // Enough officers signed, and the facts do not carry it any more: nothing happens by itself.
        Err(refusal) => plane.alarms.raise(NOT_LOGGED, decision.id, &refusal, now),
    }
    Ok(Moved::No)
}

/// What is to be seen of an approving decision in the log.
pub(super) enum Trace {
    /// Nothing, and nothing is on the way.
    None,
    /// Handed in, or appended and not published yet.
    OnTheWay,
    /// A published checkpoint covers it.
    Published(Logged),
}

/// Looks for a decision's entry, first on the way to the log and then in it: in this order none slips
/// through between the two looks.
pub(super) async fn trace(plane: &Plane, decision: &Decision) -> Result<Trace, ReconcileError> {
    let leaf = entry(decision)?.leaf_hash();
    let leaf = leaf.map_err(|error| ReconcileError::Damaged(error.to_string()))?;
    if plane.sequencer.holds(&leaf) {
        return Ok(Trace::OnTheWay);
    }
    let Some(index) = plane.records.index_of(&leaf).await? else { return Ok(Trace::None) };
    Ok(published(plane, index, plane.clock.now()).map_or(Trace::OnTheWay, Trace::Published))
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
