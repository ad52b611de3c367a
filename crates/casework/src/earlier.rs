//! The customer's earlier provisional blocks: none is extended, chained or stacked.
//!
//! Owns the limits of a customer's M5: one at a time; after a lapse two independent findings posted
//! since, so that old evidence never carries a second block; at most 96 hours in 90 days. They are
//! counted by customer, whatever a case alleges, because an allegation is free text and a second case
//! would otherwise start the count again. Needs every decision on the customer that acted, or is signed
//! and about to act, in the last 92 days; older ones no longer matter.

#[cfg(test)]
mod tests;

use crate::{Case, CaseStatus, Decision, DecisionState, clocks, gate};
use policy::{Measure, Roster};
use std::time::Duration;
use vocabulary::{AccountId, CaseId, DecisionId, Timestamp};

/// The earlier provisional blocks of one customer.
#[derive(Debug, Clone)]
pub struct Earlier {
    account: AccountId,
    blocks: Vec<Block>,
    /// The customer's cases, with when each was closed. None were looked up: nothing is known of them.
    cases: Option<Vec<(CaseId, Option<Timestamp>)>>,
}

/// One block that acted, or will.
#[derive(Debug, Clone)]
struct Block {
    decision: DecisionId,
    not_before: Timestamp,
    /// Until when it was provisional; what was ratified counts no further.
    provisional: Timestamp,
    expires: Timestamp,
    logged: bool,
}

/// Why a provisional block is refused beside earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EarlierRefusal {
    /// Earlier decisions of someone else.
    #[error("these earlier decisions are another customer's")]
    OtherCustomer,
    /// One is signed or runs.
    #[error(
        "{decision} is decided or in force against this customer until {until}; one provisional block at a time, and none is extended"
    )]
    Open {
        /// Which.
        decision: DecisionId,
        /// Until when.
        until: Timestamp,
    },
    /// Only evidence that carried an earlier one.
    #[error(
        "a provisional block of this customer lapsed on {lapsed_at}; a new one needs two independent findings, posted after that, on which alone the gate is open"
    )]
    FindingsNotNew {
        /// When the last one lapsed.
        lapsed_at: Timestamp,
    },
    /// Too many hours.
    #[error(
        "{} min of provisional blocks of this customer lie in the last 90 days, and {} min more pass the limit of 96 h; only an order can go on",
        .spent.as_secs() / 60, .asked.as_secs() / 60
    )]
    HoursSpent {
        /// How long earlier ones lasted.
        spent: Duration,
        /// How long this one would.
        asked: Duration,
    },
}

impl EarlierRefusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OtherCustomer => "other-customer",
            Self::Open { .. } => "provisional-block-open",
            Self::FindingsNotNew { .. } => "findings-not-new",
            Self::HoursSpent { .. } => "provisional-hours-spent",
        }
    }
}

impl Earlier {
    /// How far back decisions matter: everything proposed before that has lapsed out of the count.
    pub const REACHES_BACK: Duration = clocks::PROVISIONAL_WINDOW.saturating_add(clocks::LEASE_MAX);

    /// Picks out of decisions the customer's provisional blocks that acted, run, or have enough
    /// approvals to be logged. What nobody signed, or ended unlogged, does not count.
    pub fn of<'a>(
        account: AccountId,
        decisions: impl IntoIterator<Item = &'a Decision>,
        roster: &Roster,
    ) -> Self {
        let touches = |decision: &&Decision| {
            decision.first_terms().measure == Measure::M5
                && decision.scope.sites().iter().any(|site| site.account == account)
        };
        let blocks = decisions.into_iter().filter(touches).filter_map(|decision| {
            let logged = decision.state.logged().is_some();
            (logged || signed(decision, roster)).then_some(Block {
                decision: decision.id,
                not_before: decision.first_terms().not_before,
                provisional: provisional_until(decision),
                expires: decision.ends(),
                logged,
            })
        });
        Self { account, blocks: blocks.collect(), cases: None }
    }

    /// The same beside all cases of the customer, which ending its service for good asks for.
    #[must_use]
    pub fn beside<'a>(self, cases: impl IntoIterator<Item = &'a Case>) -> Self {
        let own = cases.into_iter().filter(|case| case.account == self.account);
        let closed = |case: &Case| match &case.status {
            CaseStatus::Open => None,
            CaseStatus::Closed { at, .. } => Some(*at),
        };
        let cases = own.map(|case| (case.id, closed(case))).collect();
        Self { cases: Some(cases), ..self }
    }

    /// Whether no other case about the customer is open or was closed of late, and this one was put before no
    /// authority: what looks like a debt or a technical fault must not end a service that a case is about.
    pub(crate) fn is_quiet(&self, case: &Case, now: Timestamp) -> bool {
        let since = |at: &Timestamp| at.plus(clocks::QUIET_AFTER_CASE) <= now;
        let quiet = |closed: &Option<Timestamp>| closed.as_ref().is_some_and(since);
        let known = self.account == case.account && case.referrals.is_empty();
        let others = |cases: &Vec<(CaseId, Option<Timestamp>)>| {
            cases.iter().filter(|(id, _)| *id != case.id).all(|(_, closed)| quiet(closed))
        };
        known && self.cases.as_ref().is_some_and(others)
    }

    /// Refuses a provisional block of this lease on this case; other measures pass.
    pub(crate) fn admit(
        &self,
        case: &Case,
        asked: (DecisionId, Measure, Duration),
        now: Timestamp,
    ) -> Result<(), EarlierRefusal> {
        let (decision, measure, lease) = asked;
        if self.account != case.account {
            return Err(EarlierRefusal::OtherCustomer);
        }
        if measure != Measure::M5 {
            return Ok(());
        }
        let others = || self.blocks.iter().filter(|block| block.decision != decision);
        if let Some(open) = others().find(|block| now < block.expires) {
            return Err(EarlierRefusal::Open { decision: open.decision, until: open.expires });
        }
        let acted = || others().filter(|block| block.logged);
        if let Some(lapsed_at) = acted().map(|block| block.expires).max() {
            check_new(case, measure, lapsed_at, now)?;
        }
        let since = now.minus(clocks::PROVISIONAL_WINDOW);
        let spent = acted().map(|block| block.provisional.since(block.not_before.max(since))).sum();
        if lease.saturating_add(spent) > clocks::PROVISIONAL_MAX {
            return Err(EarlierRefusal::HoursSpent { spent, asked: lease });
        }
        Ok(())
    }
}

/// When a decision stopped being provisional: when it was ratified, or ended.
fn provisional_until(decision: &Decision) -> Timestamp {
    match decision.former.first() {
        Some(first) => {
            let next = decision.former.get(1).map_or(&decision.terms, |former| &former.terms);
            first.terms.expires.min(next.not_before)
        }
        None => decision.ends(),
    }
}

/// Whether enough officers signed it, so that it is on its way into the log.
fn signed(decision: &Decision, roster: &Roster) -> bool {
    match &decision.state {
        DecisionState::Approving { approvals } => {
            policy::approve(decision.body.as_bytes(), approvals, roster, &decision.terms).is_ok()
        }
        _ => false,
    }
}

/// The gate is open on what was posted since alone: two findings, independent, rated, told of.
fn check_new(
    case: &Case,
    measure: Measure,
    lapsed_at: Timestamp,
    now: Timestamp,
) -> Result<(), EarlierRefusal> {
    let mut since = case.clone();
    since
        .findings
        .retain(|finding| finding.posted_at.earliest().is_some_and(|posted_at| posted_at > lapsed_at));
    if gate(&since, measure, now).open { Ok(()) } else { Err(EarlierRefusal::FindingsNotNew { lapsed_at }) }
}
