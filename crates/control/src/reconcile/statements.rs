//! Logged decisions: bundle and statement come out, and the statement's publication is logged.
//!
//! The record serves a statement from the moment its decision is published; the log entry about it
//! follows at the beat, because only decisions may break it.

use super::{Moved, ReconcileError, keep};
use crate::plane::Plane;
use crate::sequencer::{Draft, Item, find_statement};
use casework::{Decision, DecisionState, Published};
use ledger::{Kind, StatementPublished};
use vocabulary::Digest;

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let mut moved = Moved::No;
    for held in plane.docket.open().await? {
        match &held.value.state {
            DecisionState::Logged { .. } => {
                let bundle = plane.bundle(&held.value).await.map_err(ReconcileError::Bundle)?;
                let published = Published { bundle: Digest::of(&bundle.bytes), at: plane.clock.now() };
                submit(plane, &held.value, published)?;
                keep(plane, held.value.clone().publish(published)?, held.version).await?;
                moved = Moved::Yes;
            }
            DecisionState::Published { published, .. } | DecisionState::InForce { published, .. } => {
                resubmit(plane, &held.value, *published).await?;
            }
            _ => {}
        }
    }
    Ok(moved)
}

/// After a restart the entry may never have been handed in.
async fn resubmit(plane: &Plane, decision: &Decision, published: Published) -> Result<(), ReconcileError> {
    let subject = decision.id.to_string();
    let known = find_statement(&*plane.records, &subject, &decision.terms.statement).await;
    match known.map_err(ReconcileError::Log)? {
        Some(_) => Ok(()),
        None => submit(plane, decision, published),
    }
}

fn submit(plane: &Plane, decision: &Decision, published: Published) -> Result<(), ReconcileError> {
    let public = StatementPublished {
        decision: decision.id,
        statement: decision.terms.statement,
        url: decision.statement.url.clone(),
    };
    let draft = Draft {
        kind: Kind::StatementPublished,
        time: published.at,
        actors: vec!["sequencer".to_owned()],
        subject: decision.id.to_string(),
        policy: None,
        commitments: None,
        public: serde_json::to_value(public).map_err(|error| ReconcileError::Damaged(error.to_string()))?,
    };
    plane.sequencer.submit(Item::Draft(draft)).map_err(ReconcileError::Submit)
}
