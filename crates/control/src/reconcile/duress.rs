//! Signatures given under duress: the record under them is held, and somebody is told at the first of them, whether
//! others follow or not. Whoever gave them is answered as always.

use super::{Moved, ReconcileError};
use crate::plane::Plane;
use casework::{Decision, DecisionState};
use ledger::SuspensionBegun;
use policy::Approval;
use std::collections::BTreeSet;
use std::time::Duration;

/// The alarm for a record that is held. It says less than it knows: others may look on.
const HELD: &str = "record-held";
const TEXT: &str = "held: call each of those who signed, over a line you know, before anything else";
/// How long it stands at least: whoever takes the record away must not take the alarm away with it.
const STANDS: Duration = Duration::from_secs(24 * 3600);

/// Whether a record with these signatures is held. It stays so until its time to be signed is over; whoever wants it
/// signs another.
pub(super) fn holds(plane: &Plane, approvals: &[Approval]) -> bool {
    plane.founded.duress.hold(approvals)
}

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let now = plane.clock.now();
    let mut held = BTreeSet::new();
    for decision in plane.docket.open().await? {
        if is_held(plane, &decision.value) {
            held.insert(decision.value.id.to_string());
        }
    }
    let draft = plane.suspension_draft().await?.value;
    if draft.is_some_and(|draft| now < draft.void_from() && holds(plane, &draft.approvals)) {
        held.insert(SuspensionBegun::SUBJECT.to_owned());
    }
    for draft in plane.erasures().await?.value {
        if draft.waits(now) && holds(plane, &draft.approvals) {
            held.insert(draft.subject);
        }
    }
    for subject in &held {
        plane.alarms.raise(HELD, subject, TEXT, now);
    }
    plane.alarms.clear_older(HELD, now.minus(STANDS), |subject| !held.contains(subject));
    Ok(Moved::No)
}

/// Whether what waits for signatures here has a forced one: the decision itself, or the record that would follow it.
fn is_held(plane: &Plane, decision: &Decision) -> bool {
    let approving = matches!(decision.state, DecisionState::Approving { .. });
    let following = decision.pending.as_ref().is_some_and(|pending| holds(plane, &pending.approvals));
    following || (approving && holds(plane, decision.state.approvals()))
}
