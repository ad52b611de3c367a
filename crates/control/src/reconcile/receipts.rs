//! What edges say became of their parcels: enforcement is noted, refusals become alarms.

use super::{Moved, ReconcileError, gaps, keep};
use crate::plane::Plane;
use casework::{Decision, DecisionState, EdgeReceipt};
use feed::Receipt;
use std::collections::BTreeSet;
use vocabulary::DecisionId;

const REFUSED: &str = "edge-refused";
const EDGE: &str = "edge-alarm";

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let receipts = plane.publisher.receipts();
    let mut moved = Moved::No;
    let open = plane.docket.open().await?;
    refusals(plane, open.iter().map(|held| &held.value), &receipts);
    let decisions: Vec<&Decision> = open.iter().map(|held| &held.value).collect();
    gaps::reconcile(plane, &decisions, &receipts).await?;
    pass_on(plane, &receipts);
    for held in open {
        if let Some(next) = noted(plane, &held.value, &receipts)? {
            keep(plane, next, held.version).await?;
            moved = Moved::Yes;
        }
    }
    Ok(moved)
}

/// The decision with every edge that newly says it enforces it; `None` when there is none.
fn noted(
    plane: &Plane,
    decision: &Decision,
    receipts: &[Receipt],
) -> Result<Option<Decision>, ReconcileError> {
    let now = plane.clock.now();
    let mut next = None;
    for receipt in receipts.iter().filter(|receipt| receipt.applied.contains(&decision.id)) {
        let state = &next.as_ref().unwrap_or(decision).state;
        let news = match state {
            DecisionState::Published { .. } => true,
            DecisionState::InForce { receipts, .. } => {
                !receipts.iter().any(|known| known.edge == receipt.edge)
            }
            _ => false,
        };
        if news {
            let edge = EdgeReceipt { edge: receipt.edge.clone(), at: now };
            next = Some(next.unwrap_or_else(|| decision.clone()).enforce(edge)?);
        }
    }
    Ok(next)
}

/// Refusals stand as alarms until the edge's next receipt no longer says so. That a lease is over is no
/// trouble: the next parcel leaves it out.
fn refusals<'a>(plane: &Plane, open: impl Iterator<Item = &'a Decision>, receipts: &[Receipt]) {
    let now = plane.clock.now();
    let acts = |decision: &&Decision| decision.state.ending().is_none() && now < decision.terms.expires;
    let lasting = open.filter(|decision| decision.state.logged().is_some()).filter(acts);
    let lasting: BTreeSet<DecisionId> = lasting.map(|decision| decision.id).collect();
    let mut standing = BTreeSet::new();
    for receipt in receipts {
        for (decision, why) in &receipt.refused {
            if decision.is_some_and(|id| !lasting.contains(&id)) {
                continue;
            }
            let what = decision.map_or_else(|| "an unreadable bundle".to_owned(), |id| id.to_string());
            let subject = format!("{} {what}", receipt.edge);
            let text = format!("edge {} refuses {what}: {why}", receipt.edge);
            plane.alarms.raise(REFUSED, &subject, text, now);
            standing.insert(subject);
        }
    }
    plane.alarms.clear_where(REFUSED, |subject| !standing.contains(subject));
}

/// What edges raise by themselves stands here too, until their next receipt no longer says so.
fn pass_on(plane: &Plane, receipts: &[Receipt]) {
    let now = plane.clock.now();
    let mut standing = BTreeSet::new();
    for receipt in receipts {
        for alarm in &receipt.alarms {
            let subject = format!("{} {alarm}", receipt.edge);
            plane.alarms.raise(EDGE, &subject, format!("edge {}: {alarm}", receipt.edge), now);
            standing.insert(subject);
        }
    }
    plane.alarms.clear_where(EDGE, |subject| !standing.contains(subject));
}
