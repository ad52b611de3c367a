//! Suspend-all: who may set every measure without an order aside, for how long, and how often.
//!
//! It only restores service, so fewer sign it than a block; and because coerced officers could sign it too, it
//! ends by itself after an hour unless more confirm it, and comes once a day at most.

use crate::approval::examine;
use crate::{Ground, Refusal, Roster, Signed, Terms};
use std::collections::BTreeSet;
use std::time::Duration;
use vocabulary::Timestamp;

#[cfg(test)]
mod tests;

/// How long a suspension lasts that nobody confirms, from the time of its entry on.
pub const SUSPENSION: Duration = Duration::from_secs(60 * 60);
/// Least time from one record of a suspension to the beginning of the next.
pub const SUSPENSION_AGAIN: Duration = Duration::from_secs(24 * 60 * 60);
/// People and organisations that begin one, where the roster has as many organisations.
pub(crate) const BEGIN: (usize, usize) = (2, 2);
/// People who confirm one.
const CONFIRM: (usize, usize) = (3, 2);

/// Whether the right people signed the beginning of a suspension.
pub fn may_suspend(record: Signed<'_>, roster: &Roster) -> Result<(), Refusal> {
    deciders(record, roster, BEGIN)
}

/// Whether the right people signed that a suspension stays.
pub fn may_confirm(record: Signed<'_>, roster: &Roster) -> Result<(), Refusal> {
    deciders(record, roster, CONFIRM)
}

/// Whether a suspension that began at `from` sets a measure with these terms aside. What an order demands goes
/// on, and so does what was proposed at or after the beginning: those who signed it knew. When it was proposed is part
/// of what was signed; when a signature was given stands nowhere.
pub fn is_suspended_by(terms: &Terms, from: Timestamp) -> bool {
    terms.ground != Ground::Order && terms.demand.is_none() && terms.proposed_at() < from
}

/// Distinct people who may decide, and their organisations. A roster of one organisation, as a trial's, has no
/// second one to ask.
pub(crate) fn deciders(
    record: Signed<'_>,
    roster: &Roster,
    (people, organisations): (usize, usize),
) -> Result<(), Refusal> {
    let (mut signed, mut from) = (BTreeSet::new(), BTreeSet::new());
    for approval in record.approvals {
        let member = examine(record.body, approval, roster)?;
        if !signed.insert(member.person) {
            return Err(Refusal::SamePersonTwice);
        }
        from.insert(&member.organisation);
    }
    if signed.len() < people {
        return Err(Refusal::TooFewApprovals { have: signed.len(), need: people });
    }
    let asked = usize::try_from(roster.thresholds().organisations).unwrap_or(usize::MAX);
    let (have, need) = (from.len(), organisations.min(asked));
    if have < need { Err(Refusal::TooFewOrganisations { have, need }) } else { Ok(()) }
}
