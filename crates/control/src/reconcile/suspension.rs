//! The suspension: what enough officers signed goes into the log, and everybody is told.

use super::{Moved, ReconcileError, duress};
use crate::plane::Plane;
use crate::sequencer::Item;
use crate::suspension::LoggedSuspension;
use casework::SuspensionDraft;
use ledger::{Body, Entry, SuspensionBegun};
use records::PutError;

/// The alarm for one that waits for signatures.
const PROPOSED: &str = "suspension-proposed";
/// The alarm while measures are set aside.
const SUSPENDED: &str = "measures-suspended";

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    tell(plane).await?;
    let held = plane.suspension_draft().await?;
    let Some(draft) = &held.value else {
        plane.alarms.clear(PROPOSED, SuspensionBegun::SUBJECT);
        return Ok(Moved::No);
    };
    let entry = entry(draft)?;
    let last = plane.records.last_of_subject(SuspensionBegun::SUBJECT).await?;
    // Logged, overtaken by another record, or void: nothing is left to sign.
    let taken = last.is_some_and(|last| last.sequence >= entry.body.sequence);
    if taken || plane.clock.now() >= draft.void_from() {
        return keep(plane, None, held.version).await;
    }
    let text = format!("{} asks that every measure without an order be set aside", draft.by);
    plane.alarms.raise(PROPOSED, SuspensionBegun::SUBJECT, text, plane.clock.now());
    if draft.check(&plane.founded.roster).is_err() || duress::holds(plane, &draft.approvals) {
        return Ok(Moved::No);
    }
    if !draft.handed_in {
        // Kept first: from here on nothing takes its place, and a crash in between changes nothing.
        let handed_in = SuspensionDraft { handed_in: true, ..draft.clone() };
        return keep(plane, Some(&handed_in), held.version).await;
    }
    plane.sequencer.submit(Item::Sealed(entry)).map_err(ReconcileError::Submit)?;
    Ok(Moved::No)
}

async fn tell(plane: &Plane) -> Result<(), ReconcileError> {
    let now = plane.clock.now();
    let acting = plane.suspensions_at(now).await.map_err(ReconcileError::Bundle)?;
    if acting.is_empty() {
        plane.alarms.clear(SUSPENDED, SuspensionBegun::SUBJECT);
        return Ok(());
    }
    let told: Vec<String> = acting.iter().map(told).collect();
    plane.alarms.raise(SUSPENDED, SuspensionBegun::SUBJECT, told.join("; "), now);
    Ok(())
}

fn told(suspension: &LoggedSuspension) -> String {
    match suspension.until() {
        Some(until) => format!(
            "every measure without an order is set aside until {until}, and returns unless three confirm it"
        ),
        None => format!(
            "confirmed: every measure without an order that was proposed before {} stays set aside to the end of its \
             lease",
            suspension.from()
        ),
    }
}

async fn keep(plane: &Plane, draft: Option<&SuspensionDraft>, version: u64) -> Result<Moved, ReconcileError> {
    match plane.keep_suspension(draft, version).await {
        Ok(()) | Err(PutError::Conflict { .. }) => Ok(Moved::Yes),
        Err(error) => Err(ReconcileError::Put(error)),
    }
}

fn entry(draft: &SuspensionDraft) -> Result<Entry, ReconcileError> {
    let body = Body::parse(draft.body.as_bytes());
    let body = body.map_err(|error| ReconcileError::Damaged(error.to_string()))?;
    Ok(Entry { body, approvals: draft.approvals.clone() })
}
