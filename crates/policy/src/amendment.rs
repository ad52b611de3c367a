//! What changes the roster or the policy after founding: signed by as many as the roster in force asks of a decision.
//!
//! A new roster acts seven days after it was recorded, so that everybody sees who comes before they decide; one that
//! only takes keys away acts at once, for a lost key must not sign for a week.

use crate::approval::examine;
use crate::{Refusal, Roster, Signed};
use std::collections::BTreeSet;
use std::time::Duration;
use vocabulary::Timestamp;

#[cfg(test)]
mod tests;

/// How long after it was recorded a roster acts that does more than take keys away.
pub const ROSTER_NOTICE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Whether the right people signed a change of the roster or the policy: as many people, roles and organisations as the
/// roster that they are on asks of a decision.
pub fn may_amend(record: Signed<'_>, roster: &Roster) -> Result<(), Refusal> {
    let (mut people, mut roles, mut organisations) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for approval in record.approvals {
        let member = examine(record.body, approval, roster)?;
        if !people.insert(member.person) {
            return Err(Refusal::SamePersonTwice);
        }
        roles.insert(member.role);
        organisations.insert(&member.organisation);
    }
    let asked = roster.thresholds();
    let short = |have: usize, need: u32| {
        let need = usize::try_from(need).unwrap_or(usize::MAX);
        (have < need).then_some((have, need))
    };
    if let Some((have, need)) = short(people.len(), asked.approvals) {
        return Err(Refusal::TooFewApprovals { have, need });
    }
    if let Some((have, need)) = short(roles.len(), asked.roles) {
        return Err(Refusal::TooFewRoles { have, need });
    }
    match short(organisations.len(), asked.organisations) {
        Some((have, need)) => Err(Refusal::TooFewOrganisations { have, need }),
        None => Ok(()),
    }
}

impl Roster {
    /// Whether this roster may follow another one, recorded at an instant and signed like that: the same profile, the
    /// next number, the old quorum, and not before its time.
    pub fn check_follows(
        &self,
        old: &Self,
        record: Signed<'_>,
        recorded_at: Timestamp,
    ) -> Result<(), Refusal> {
        if self.profile() != old.profile() {
            return Err(Refusal::ProfileChanged { terms: self.profile(), roster: old.profile() });
        }
        if Some(self.serial()) != old.serial().checked_add(1) {
            return Err(Refusal::NotASuccessor("its number is not the next one"));
        }
        if self.not_before() < self.acts_from(old, recorded_at) {
            return Err(Refusal::NotASuccessor("it acts before its time"));
        }
        may_amend(record, old)
    }

    /// The earliest instant from which this roster may act in place of another one.
    pub fn acts_from(&self, old: &Self, recorded_at: Timestamp) -> Timestamp {
        if self.only_takes_keys_from(old) { recorded_at } else { recorded_at.plus(ROSTER_NOTICE) }
    }

    /// Whether this roster differs from another one in nothing but keys that are gone.
    pub fn only_takes_keys_from(&self, old: &Self) -> bool {
        let known = |member| old.members().contains(member);
        self.thresholds() == old.thresholds() && self.members().iter().all(known)
    }
}
