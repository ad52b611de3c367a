//! Ended services: the settings of terminated sites are deleted, a day before edges stop telling of them.
//!
//! Until then a reversal or a lift restores everything; afterwards the hosts are nobody's. A termination that a
//! suspension sets aside deletes nothing.

use super::{Moved, ReconcileError};
use crate::plane::Plane;
use casework::Decision;
use records::{ApplyError, Change, RevisionNote};

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let mut moved = Moved::No;
    for held in plane.docket.open().await? {
        if settle(plane, &held.value).await? == Moved::Yes {
            moved = Moved::Yes;
        }
    }
    Ok(moved)
}

/// Deletes the settings that it is time to delete. Asked before a termination lapses, too: a site that is there when
/// its edges' lease ends would be served again.
pub(super) async fn settle(plane: &Plane, decision: &Decision) -> Result<Moved, ReconcileError> {
    let now = plane.clock.now();
    if decision.settings_go_at().is_none_or(|at| now < at) {
        return Ok(Moved::No);
    }
    let acting = plane.suspensions_at(now).await.map_err(ReconcileError::Bundle)?;
    if acting.iter().any(|suspension| policy::is_suspended_by(&decision.terms, suspension.from())) {
        return Ok(Moved::No);
    }
    let fleet = plane.records.fleet().await?;
    let there = |id| fleet.sites.iter().any(|site| site.id == id);
    let gone = decision.scope.sites().iter().filter(|site| there(site.site));
    let changes: Vec<Change> = gone.map(|site| Change::RemoveSite(site.site)).collect();
    if changes.is_empty() {
        return Ok(Moved::No);
    }
    let note = RevisionNote { at: now, actor: format!("terminated: {}", decision.id) };
    match plane.records.apply(&changes, Some(fleet.revision), &note).await {
        Ok(_) | Err(ApplyError::Conflict { .. }) => Ok(Moved::Yes),
        Err(error) => Err(ReconcileError::Apply(error)),
    }
}
