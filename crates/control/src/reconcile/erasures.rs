//! Erasing: what enough officers signed loses its key, and the log gets the tombstone.

use super::{Moved, ReconcileError, duress};
use crate::plane::Plane;
use crate::sequencer::find_tombstone;
use casework::ErasureDraft;
use ledger::Tombstone;
use records::PutError;

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let held = plane.erasures().await?;
    let mut left = Vec::new();
    for draft in &held.value {
        if is_awaited(plane, draft).await? {
            left.push(draft.clone());
        }
    }
    if left == held.value {
        return Ok(Moved::No);
    }
    match plane.keep_erasures(&left, held.version).await {
        Ok(()) | Err(PutError::Conflict { .. }) => Ok(Moved::No),
        Err(error) => Err(ReconcileError::Put(error)),
    }
}

/// Whether anything is still to come of it: signatures, or its tombstone.
async fn is_awaited(plane: &Plane, draft: &ErasureDraft) -> Result<bool, ReconcileError> {
    let waits = draft.waits(plane.clock.now());
    if draft.check(&plane.founded.roster).is_err() || duress::holds(plane, &draft.approvals) {
        return Ok(waits);
    }
    let logged = find_tombstone(&*plane.records, &draft.subject, draft.leaf).await;
    if logged.map_err(ReconcileError::Log)?.is_some() {
        return Ok(false);
    }
    let fields = plane.sealed_fields(&draft.root).await;
    let are_there = fields.map_err(|error| ReconcileError::Damaged(error.to_string()))?.is_some();
    // Somebody may have appealed since it was put up. Once the fields are gone, only the log is to be told.
    let placed = plane.entry(draft.index).await.map_err(ReconcileError::Bundle)?;
    if are_there && let Err(refusal) = plane.erasable(&placed).await {
        tracing::warn!(subject = %draft.subject, why = refusal.title(), "signed, and not erased");
        return Ok(waits);
    }
    let (until, approvals) = (draft.until, draft.approvals.clone());
    let tombstone = Tombstone { entry: draft.leaf, until, approvals };
    let erased = plane.erase_fields(&draft.root, &draft.subject, draft.by.to_string(), &tombstone).await;
    erased.map_err(|error| ReconcileError::Damaged(error.to_string()))?;
    tracing::info!(subject = %draft.subject, by = %draft.by, reason = %draft.reason, "confidential fields erased");
    Ok(true)
}
