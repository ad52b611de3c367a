//! The clocks of orders: an alarm for each that waits for a call back or a ruling, and for each that no longer stands
//! while what it demanded still acts.
//!
//! It finishes what was decided: an accepted order answers its referral, and one that is in force is carried out. Whether an
//! order is believed, and what is lifted, people decide.

use super::{Moved, ReconcileError};
use crate::desk::answer_referral;
use crate::plane::Plane;
use casework::{Decision, DecisionState, Order, OrderState};
use records::{Page, PutError, StoreError, Versioned};
use std::collections::BTreeSet;

/// An order that nobody has accepted or refused, or whose referral does not take it as its answer.
const WAITS: &str = "order-waits";
/// An order that cannot be read.
const DAMAGED: &str = "record-damaged";
/// A measure that rests on an order which was taken back or refused, or has ended.
const WITHDRAWN: &str = "order-withdrawn";

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    // One order that cannot be read keeps no other from its alarm: both rounds run to their ends.
    let told = tell_of_waiting(plane).await;
    let moved = tell_of_withdrawn(plane).await;
    told?;
    moved
}

async fn tell_of_waiting(plane: &Plane) -> Result<(), ReconcileError> {
    let (mut waiting, mut unread) = (BTreeSet::new(), BTreeSet::new());
    // Older ones have had their alarm; two hundred that wait are a matter of their own.
    for held in plane.records.list_orders(Page::first(records::bounds::PAGE_MAX)).await?.items {
        let held = match held {
            Ok(held) => held,
            Err(error) => {
                let about = damaged(&error);
                plane.alarms.raise(DAMAGED, &about, &error, plane.clock.now());
                unread.insert(about);
                continue;
            }
        };
        if let Some(why) = waits(plane, &held.value).await {
            plane.alarms.raise(WAITS, held.value.id, why, plane.clock.now());
            waiting.insert(held.value.id.to_string());
        }
    }
    plane.alarms.clear_where(WAITS, |about| !waiting.contains(about));
    plane.alarms.clear_where(DAMAGED, |about| !unread.contains(about));
    Ok(())
}

/// Which record it is.
fn damaged(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { table, id, .. } => format!("{table} {id}"),
        _ => "orders".to_owned(),
    }
}

async fn tell_of_withdrawn(plane: &Plane) -> Result<Moved, ReconcileError> {
    let (mut withdrawn, mut moved, mut failed) = (BTreeSet::new(), Moved::No, None);
    for decision in plane.docket.open().await? {
        match one(plane, &decision.value, &mut withdrawn).await {
            Ok(Moved::Yes) => moved = Moved::Yes,
            Ok(Moved::No) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    match failed {
        // What stands under an order that cannot be read keeps its alarm, if it has one.
        Some(error) => Err(error),
        None => {
            plane.alarms.clear_where(WITHDRAWN, |about| !withdrawn.contains(about));
            Ok(moved)
        }
    }
}

/// Carries the order behind one decision out, or says that it no longer stands.
async fn one(
    plane: &Plane,
    decision: &Decision,
    withdrawn: &mut BTreeSet<String>,
) -> Result<Moved, ReconcileError> {
    let Some(order) = behind(plane, decision).await? else { return Ok(Moved::No) };
    match order.value.stands(decision.case, plane.clock.now()) {
        Ok(_) => carried_out(plane, order, decision).await,
        Err(why) => {
            let text = format!("lift {} (order-withdrawn): {why}", decision.id);
            plane.alarms.raise(WITHDRAWN, order.value.id, text, plane.clock.now());
            withdrawn.insert(order.value.id.to_string());
            Ok(Moved::No)
        }
    }
}

/// What an order waits for, if it does. An accepted one whose referral is not answered yet is its answer first.
async fn waits(plane: &Plane, order: &Order) -> Option<String> {
    match &order.state {
        OrderState::Received | OrderState::Authenticating { .. } => Some(format!(
            "an order came on {}: call the authority's duty line back, then accept or refuse it",
            order.received_at
        )),
        OrderState::Valid { .. } => {
            let refused = answer_referral(plane, order).await.err()?;
            Some(format!("the order is accepted, and its referral does not take it: {}", refused.said()))
        }
        _ => None,
    }
}

/// The order that a decision which acts rests on. What is gone from the records stands no more than what was refused,
/// and is damage.
async fn behind(plane: &Plane, decision: &Decision) -> Result<Option<Versioned<Order>>, ReconcileError> {
    let Some(id) = decision.order else { return Ok(None) };
    if !matches!(decision.state, DecisionState::InForce { .. }) || plane.clock.now() >= decision.ends() {
        return Ok(None);
    }
    let missing = || ReconcileError::Damaged(format!("{id} is gone, and {} rests on it", decision.id));
    plane.records.order(id).await?.map(Some).ok_or_else(missing)
}

/// An accepted order whose measure is in force is carried out.
async fn carried_out(
    plane: &Plane,
    order: Versioned<Order>,
    decision: &Decision,
) -> Result<Moved, ReconcileError> {
    if !matches!(order.value.state, OrderState::Valid { .. }) {
        return Ok(Moved::No);
    }
    let Ok(executed) = order.value.executed(decision.id, plane.clock.now()) else { return Ok(Moved::No) };
    match plane.records.put_order(&executed, order.version).await {
        Ok(_) | Err(PutError::Conflict { .. }) => Ok(Moved::Yes),
        Err(error) => Err(ReconcileError::Put(error)),
    }
}
