//! The clock of triage: an alarm for people in danger whose report nobody has looked at in time.
//!
//! One alarm for all of them, so that many reports cannot push other alarms out. It moves nothing: what the
//! reports claim and how many there are is no input of any decision.

use super::{Moved, ReconcileError};
use crate::plane::Plane;
use records::Page;
use reports::{Allegation, Urgency};
use vocabulary::Timestamp;

/// Somebody is said to be in danger, and the time for a first look is over.
const OVERDUE: &str = "triage-overdue";

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let now = plane.clock.now();
    let front = plane.records.allegation_queue(Page::first(records::bounds::PAGE_MAX)).await?;
    let late: Vec<Timestamp> = front
        .items
        .iter()
        .filter(|held| is_late(&held.value, now))
        .map(|held| held.value.opened_at)
        .collect();
    let Some(oldest) = late.iter().min() else {
        plane.alarms.clear(OVERDUE, "danger");
        return Ok(Moved::No);
    };
    let (count, more) = (late.len(), if front.next.is_some() { " or more" } else { "" });
    let text =
        format!("danger reported and not looked at: {count}{more}; the oldest since {oldest}; see /reports");
    plane.alarms.raise(OVERDUE, "danger", text, now);
    Ok(Moved::No)
}

fn is_late(allegation: &Allegation, now: Timestamp) -> bool {
    allegation.urgency() == Urgency::DangerWaits && now >= allegation.opened_at.plus(casework::clocks::TRIAGE)
}
