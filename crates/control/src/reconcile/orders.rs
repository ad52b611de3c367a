//! The clocks of orders: an alarm for each that waits for a call back or a ruling, and for each that was taken back
//! while what it demanded still acts.
//!
//! It moves nothing: whether an order is believed, and what is lifted, people decide.

use super::{Moved, ReconcileError};
use crate::plane::Plane;
use casework::{DecisionState, OrderState};
use records::Page;
use std::collections::BTreeSet;

/// An order that nobody has accepted or refused.
const WAITS: &str = "order-waits";
/// An order that was taken back, and a measure that rests on it.
const WITHDRAWN: &str = "order-withdrawn";

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let (mut waiting, mut withdrawn) = (BTreeSet::new(), BTreeSet::new());
    // Older ones have had their alarm; two hundred that wait are a matter of their own.
    for held in plane.records.list_orders(Page::first(records::bounds::PAGE_MAX)).await?.items {
        let (order, now) = (held.value, plane.clock.now());
        match &order.state {
            OrderState::Received | OrderState::Authenticating { .. } => {
                let text = format!(
                    "an order came on {}: call the authority's duty line back, then accept or refuse it",
                    order.received_at
                );
                plane.alarms.raise(WAITS, order.id, text, now);
                waiting.insert(order.id.to_string());
            }
            OrderState::Withdrawn { decision: Some(decision), .. } => {
                let held = plane.docket.get(*decision).await?;
                if held.is_some_and(|held| matches!(held.value.state, DecisionState::InForce { .. })) {
                    let text =
                        format!("the authority took its order back: lift {decision} (order-withdrawn)");
                    plane.alarms.raise(WITHDRAWN, order.id, text, now);
                    withdrawn.insert(order.id.to_string());
                }
            }
            _ => {}
        }
    }
    plane.alarms.clear_where(WAITS, |about| !waiting.contains(about));
    plane.alarms.clear_where(WITHDRAWN, |about| !withdrawn.contains(about));
    Ok(Moved::No)
}
