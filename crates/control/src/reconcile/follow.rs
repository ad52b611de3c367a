//! What follows decisions: the signed record goes into the log, and the decision goes on or ends.
//!
//! The facts are asked before an entry is handed in, never after: what the log holds is decided. Also
//! the alarms that somebody has to see: a lift that waits, a gate that closed under a measure in force,
//! an appeal past its clock.

use super::{Moved, ReconcileError, duress, keep};
use crate::plane::Plane;
use crate::sequencer::Item;
use casework::{Decision, DecisionState, FollowUp, Logged, Pending};
use ledger::{Body, Entry};
use records::Versioned;
use std::collections::BTreeSet;
use vocabulary::CaseId;

/// The alarm for a record that enough officers signed and that the facts hold back.
const NOT_LOGGED: &str = "follow-up-not-logged";
/// The alarm for a lift: everybody is told before it acts.
const LIFT: &str = "lift-proposed";
/// The alarm for an emergency measure in force whose gate has closed.
const GATE: &str = "gate-closed-in-force";
/// The alarm for an appeal past its clock.
const APPEAL: &str = "appeal-overdue";

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let mut moved = Moved::No;
    let open = plane.docket.open().await?;
    for held in &open {
        if let Some(pending) = &held.value.pending
            && log(plane, held, pending).await? == Moved::Yes
        {
            moved = Moved::Yes;
        }
    }
    tell_lifts(plane, open.iter().map(|held| &held.value));
    tell_cases(plane, open.iter().map(|held| &held.value)).await?;
    Ok(moved)
}

async fn log(plane: &Plane, held: &Versioned<Decision>, pending: &Pending) -> Result<Moved, ReconcileError> {
    let decision = &held.value;
    let entry = entry(pending)?;
    match found(plane, &entry).await? {
        Found::Published(logged) => {
            plane.alarms.clear(NOT_LOGGED, decision.id);
            return keep(plane, decision.clone().follow_found(logged)?, held.version).await;
        }
        Found::OnTheWay => return Ok(Moved::No),
        Found::None => {}
    }
    if overtaken(plane, &entry).await? || pending.is_over(plane.clock.now()) {
        plane.alarms.clear(NOT_LOGGED, decision.id);
        return keep(plane, decision.clone().drop_pending(), held.version).await;
    }
    let (roster, now) = (&plane.founded.roster, plane.clock.now());
    if decision.check_signatures(pending, roster).is_err() || duress::holds(plane, &pending.approvals) {
        return Ok(Moved::No);
    }
    let case = plane.records.case(decision.case).await?;
    let case = case.ok_or_else(|| ReconcileError::Damaged(format!("{} is gone", decision.case)))?;
    let order = plane.docket.order_behind(decision).await?;
    match decision.follow_ready((&case.value, order.as_ref()), roster, now) {
        // Kept first: from here on nothing takes its place, and a crash in between changes nothing.
        Ok(()) if !pending.handed_in => {
            return keep(plane, decision.clone().hand_in(true), held.version).await;
        }
        Ok(()) => {
            plane.alarms.clear(NOT_LOGGED, decision.id);
            plane.sequencer.submit(Item::Sealed(entry)).map_err(ReconcileError::Submit)?;
        }
        Err(refusal) => {
            plane.alarms.raise(NOT_LOGGED, decision.id, &refusal, now);
            if pending.handed_in {
                return keep(plane, decision.clone().hand_in(false), held.version).await;
            }
        }
    }
    Ok(Moved::No)
}

/// Whether the record that would follow a decision has reached the log, or is on its way.
pub(super) async fn on_its_way(plane: &Plane, decision: &Decision) -> Result<bool, ReconcileError> {
    let Some(pending) = &decision.pending else { return Ok(false) };
    Ok(!matches!(found(plane, &entry(pending)?).await?, Found::None))
}

/// What is to be seen of an entry in the log.
enum Found {
    None,
    OnTheWay,
    Published(Logged),
}

/// First on the way to the log and then in it: in this order none slips through between the two looks.
async fn found(plane: &Plane, entry: &Entry) -> Result<Found, ReconcileError> {
    let leaf = entry.leaf_hash().map_err(|error| ReconcileError::Damaged(error.to_string()))?;
    if plane.sequencer.holds(&leaf) {
        return Ok(Found::OnTheWay);
    }
    let Some(index) = plane.records.index_of(&leaf).await? else { return Ok(Found::None) };
    Ok(super::log::published(plane, index, plane.clock.now()).map_or(Found::OnTheWay, Found::Published))
}

/// Another record of the decision was logged meanwhile: the number that was signed is taken.
async fn overtaken(plane: &Plane, entry: &Entry) -> Result<bool, ReconcileError> {
    let last = plane.records.last_of_subject(&entry.body.subject).await?;
    Ok(last.is_some_and(|last| last.sequence >= entry.body.sequence))
}

fn entry(pending: &Pending) -> Result<Entry, ReconcileError> {
    let body = Body::parse(pending.body.as_bytes());
    let body = body.map_err(|error| ReconcileError::Damaged(error.to_string()))?;
    Ok(Entry { body, approvals: pending.approvals.clone() })
}

/// A lift acts after half an hour in which everybody can see it.
fn tell_lifts<'a>(plane: &Plane, open: impl Iterator<Item = &'a Decision>) {
    let now = plane.clock.now();
    let mut standing = BTreeSet::new();
    for decision in open {
        let pending = decision.pending.as_ref().map(|pending| &pending.follow_up);
        let effective = match (pending, decision.state.ending()) {
            (Some(FollowUp::Lift { effective, .. }), _) => *effective,
            (_, Some(ending)) if now < ending.effective => ending.effective,
            _ => continue,
        };
        let text = format!("{} is being lifted and acts until {effective}", decision.id);
        plane.alarms.raise(LIFT, decision.id, text, now);
        standing.insert(decision.id.to_string());
    }
    plane.alarms.clear_where(LIFT, |subject| !standing.contains(subject));
}

/// Emergency measures in force whose facts no longer carry them, and appeals past their clocks. The
/// cases looked at are those of open decisions.
async fn tell_cases(plane: &Plane, open: impl Iterator<Item = &Decision>) -> Result<(), ReconcileError> {
    let now = plane.clock.now();
    let (mut closed, mut overdue) = (BTreeSet::new(), BTreeSet::new());
    let mut seen: BTreeSet<CaseId> = BTreeSet::new();
    for decision in open {
        let Some(case) = plane.records.case(decision.case).await? else { continue };
        let case = case.value;
        let in_force = matches!(decision.state, DecisionState::InForce { .. }) && now < decision.ends();
        let first = decision.first_terms();
        let verdict = casework::assess(&case, first.measure, first.ground, now);
        if in_force && decision.terms.demand.is_none() && !verdict.open {
            let reasons: Vec<_> = verdict.reasons().map(|(_, reason)| reason.to_string()).collect();
            let text = format!("lift {} within 24 h: {}", decision.id, reasons.join("; "));
            plane.alarms.raise(GATE, decision.id, text, now);
            closed.insert(decision.id.to_string());
        }
        if !seen.insert(case.id) {
            continue;
        }
        for appeal in case.appeals.iter().filter(|appeal| appeal.overdue(now)) {
            let text = format!("{} in {} was due {}", appeal.id, case.id, appeal.due);
            plane.alarms.raise(APPEAL, appeal.id, text, now);
            overdue.insert(appeal.id.to_string());
        }
    }
    plane.alarms.clear_where(GATE, |subject| !closed.contains(subject));
    plane.alarms.clear_where(APPEAL, |subject| !overdue.contains(subject));
    Ok(())
}
