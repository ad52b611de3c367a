//! The end of a customer's service for good (M7): what has to have happened before, and what goes when.
//!
//! A decision of this measure is published thirty days before it acts. Until then everything works as before; then edges
//! answer for the sites with the decision; a day before they stop, the sites' settings are deleted. Until that day a
//! reversal restores everything.

use crate::{Appeal, AppealOutcome, Appellant, Case, Decision, DecisionState, Notice, clocks};
use policy::Measure;
use std::time::Duration;
use vocabulary::Timestamp;

#[cfg(test)]
mod tests;

/// Whether an appeal of the customer was heard in this case and did not succeed, or its time passed unused.
pub(crate) fn was_heard(case: &Case, now: Timestamp) -> bool {
    let upheld = appeals(case)
        .any(|appeal| appeal.ruling().is_some_and(|(_, outcome)| outcome == AppealOutcome::Upheld));
    (upheld && settled(case)) || window_passed(case, now)
}

/// Whether the customer was told long enough ago to have appealed, and no appeal of it waits or succeeded.
pub(crate) fn window_passed(case: &Case, now: Timestamp) -> bool {
    told_since(case, clocks::APPEAL_WINDOW, now) && settled(case)
}

/// Whether the customer was told at least so long ago.
pub(crate) fn told_since(case: &Case, span: Duration, now: Timestamp) -> bool {
    let notice = case.facts.site_conduct.as_ref().and_then(|recorded| recorded.fact.notice.as_ref());
    matches!(notice, Some(Notice::Given { at, .. }) if at.plus(span) <= now)
}

fn appeals(case: &Case) -> impl Iterator<Item = &Appeal> {
    case.appeals.iter().filter(|appeal| appeal.by == Appellant::Customer)
}

/// Every appeal of the customer came to an end that leaves the matter as it was.
fn settled(case: &Case) -> bool {
    appeals(case).all(|appeal| match appeal.ruling() {
        Some((_, outcome)) => outcome == AppealOutcome::Upheld,
        None => !appeal.is_open(),
    })
}

impl Decision {
    /// From when on the settings of the sites in scope are deleted; none where the decision does not end the service
    /// for good. Bound to territories it ends there alone, so the settings stay.
    pub fn settings_go_at(&self) -> Option<Timestamp> {
        let ends = self.terms.measure == Measure::M7 && self.terms.territories.is_empty();
        let acts = matches!(self.state, DecisionState::Published { .. } | DecisionState::InForce { .. });
        (ends && acts).then(|| self.terms.expires.minus(clocks::SETTINGS_GO_BEFORE))
    }
}
