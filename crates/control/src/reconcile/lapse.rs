//! Leases that ended: the lapse goes into the log, and the decision is over.
//!
//! The edge ends a measure by itself at its time; this only writes it down.

use super::log::{NOT_LOGGED, Trace, trace};
use super::{Moved, ReconcileError, keep};
use crate::plane::Plane;
use crate::sequencer::{Draft, Item, find_kind};
use casework::{Decision, DecisionState, Logged};
use ledger::{Body, DecisionLapsed, Kind};

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let now = plane.clock.now();
    let mut moved = Moved::No;
    for held in plane.docket.open().await? {
        let decision = &held.value;
        if now < decision.terms.expires {
            continue;
        }
        if super::terminations::settle(plane, decision).await? == Moved::Yes {
            // Another look: only what is gone lapses.
            moved = Moved::Yes;
            continue;
        }
        let next = match &decision.state {
            DecisionState::Proposed => Some(decision.clone().expire(now)?),
            DecisionState::Approving { .. } => unlogged(plane, decision).await?,
            DecisionState::Ended { .. } => Some(decision.clone().finish(now)?),
            // What follows it may have reached the log in time; then it goes on, or has ended.
            _ if decision.pending.is_some() && super::follow::on_its_way(plane, decision).await? => None,
            _ => match lapse(plane, decision).await? {
                Some(lapse) => Some(decision.clone().lapse(lapse, now)?),
                None => None,
            },
        };
        if let Some(next) = next {
            forget(plane, &next).await?;
            keep(plane, next, held.version).await?;
            moved = Moved::Yes;
        }
    }
    Ok(moved)
}

/// What an expired decision commits to is of no use to anybody: it never stood in the log. Forgotten first, for nobody
/// looks at it once it has expired.
async fn forget(plane: &Plane, decision: &Decision) -> Result<(), ReconcileError> {
    if !matches!(decision.state, DecisionState::Expired { .. }) {
        return Ok(());
    }
    let damaged = |error: &dyn std::fmt::Display| ReconcileError::Damaged(error.to_string());
    let body = Body::parse(decision.body.as_bytes()).map_err(|error| damaged(&error))?;
    let Some(root) = body.commitments else { return Ok(()) };
    plane.destroy_fields(&root).await.map_err(|error| damaged(&error))
}

/// What becomes of a decision that still waits for the log when its lease ends: it has expired, unless
/// its entry got there. Then it acted, or could have, and is logged and lapses like any other.
async fn unlogged(plane: &Plane, decision: &Decision) -> Result<Option<Decision>, ReconcileError> {
    let next = match trace(plane, decision).await? {
        Trace::OnTheWay => return Ok(None),
        Trace::Published(logged) => decision.clone().log_found(logged)?,
        Trace::None => decision.clone().expire(plane.clock.now())?,
    };
    plane.alarms.clear(NOT_LOGGED, decision.id);
    Ok(Some(next))
}

/// Where the lapse is logged and published; hands it in while it is not.
async fn lapse(plane: &Plane, decision: &Decision) -> Result<Option<Logged>, ReconcileError> {
    let subject = decision.id.to_string();
    let known = find_kind(&*plane.records, &subject, Kind::DecisionLapsed).await;
    if let Some(index) = known.map_err(ReconcileError::Log)? {
        return Ok(super::log::published(plane, index, decision.terms.expires));
    }
    let public = DecisionLapsed { decision: decision.id, expires: decision.terms.expires };
    let public = serde_json::to_value(public).map_err(|error| ReconcileError::Damaged(error.to_string()))?;
    let draft = Draft {
        kind: Kind::DecisionLapsed,
        // The lapse happened at the end of the lease, whenever it is written down.
        time: decision.terms.expires,
        actors: vec!["sequencer".to_owned()],
        subject,
        policy: None,
        commitments: None,
        public,
    };
    plane.sequencer.submit(Item::Draft(draft)).map_err(ReconcileError::Submit)?;
    Ok(None)
}
