//! What may follow a decision: ratification, renewal, and an end before its time.
//!
//! Owns who may sign each of these and how new terms must continue the old ones. Edges and auditors
//! walk a decision's records with it, from the first on, so that nobody who took part in a decision
//! ratifies it or rules on it, whatever a later record claims.
//!
//! Invariant: a [`Standing`] is made only from records whose approvals hold.

use crate::approval::{approve, examine, members};
use crate::{Approval, Ground, Member, Pseudonym, Refusal, Role, Roster, Terms};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use vocabulary::Digest;

#[cfg(test)]
mod tests;

/// How long a lift by officers waits before it acts, with everybody told; a reviewer's ruling does not wait.
pub const LIFT_WAIT: Duration = Duration::from_secs(30 * 60);

/// Why a measure ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// The gate, run again, is closed.
    GateClosed,
    /// The site removed what it was about.
    Cured,
    /// The demand behind it is gone.
    OrderWithdrawn,
    /// It rested on a mistake.
    Mistaken,
    /// The independent reviewer overturned it on appeal.
    Overturned,
}

/// A decision as its records so far leave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    terms: Terms,
    /// Everybody who proposed or signed any of the records.
    took_part: BTreeSet<Digest>,
}

/// One record about a decision, as signed.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The exact bytes that were signed.
    pub body: &'a [u8],
    /// The signatures.
    pub approvals: &'a [Approval],
    /// Who proposed it, by pseudonym.
    pub proposer: Option<&'a Pseudonym>,
}

impl Standing {
    /// The first record: the decision is made.
    pub fn made(record: Signed<'_>, roster: &Roster, terms: &Terms) -> Result<Self, Refusal> {
        approve(record.body, record.approvals, roster, terms)?;
        let mut standing = Self { terms: terms.clone(), took_part: BTreeSet::new() };
        standing.note(record, roster);
        Ok(standing)
    }

    /// What the newest record says.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Whether a person proposed or signed one of the records.
    pub fn took_part(&self, person: &Digest) -> bool {
        self.took_part.contains(person)
    }

    /// A provisional measure is confirmed: by as many as a decision needs, none of whom took part in it,
    /// and by the independent reviewer or a legal demand.
    pub fn ratify(mut self, record: Signed<'_>, roster: &Roster, terms: &Terms) -> Result<Self, Refusal> {
        self.check_continues(terms)?;
        let provisional = self.terms.ground == Ground::Emergency;
        let confirms = matches!(terms.ground, Ground::RatifiedEmergency | Ground::Order);
        let same = Some(terms.measure) == self.terms.measure.ratified();
        if !provisional || !confirms || !same || terms.renewal != 0 {
            return Err(Refusal::NotARatification);
        }
        let (reviewers, deciders): (Vec<_>, Vec<_>) =
            record.approvals.iter().cloned().partition(|approval| approval.role == Role::Reviewer);
        approve(record.body, &deciders, roster, terms)?;
        for member in members(record.body, record.approvals, roster)? {
            self.check_outside(member)?;
        }
        if let Some(proposer) = record.proposer.and_then(|name| roster.named(name)) {
            self.check_outside(proposer)?;
        }
        if terms.ground == Ground::RatifiedEmergency && reviewers.is_empty() {
            return Err(Refusal::ReviewerMissing);
        }
        self.terms = terms.clone();
        self.note(record, roster);
        Ok(self)
    }

    /// The lease is taken up once more, as often as floor and policy allow.
    pub fn renew(mut self, record: Signed<'_>, roster: &Roster, terms: &Terms) -> Result<Self, Refusal> {
        self.check_continues(terms)?;
        let same = (terms.measure, terms.ground) == (self.terms.measure, self.terms.ground);
        if !same || terms.renewal != self.terms.renewal + 1 {
            return Err(Refusal::NotARenewal);
        }
        approve(record.body, record.approvals, roster, terms)?;
        self.terms = terms.clone();
        self.note(record, roster);
        Ok(self)
    }

    /// Two people end the measure before its time.
    pub fn lift(&self, record: Signed<'_>, roster: &Roster) -> Result<(), Refusal> {
        let mut people = BTreeSet::new();
        for approval in record.approvals {
            people.insert(examine(record.body, approval, roster)?.person);
        }
        let (have, need) = (people.len(), 2);
        if have < need || record.approvals.len() != have {
            return Err(Refusal::TooFewApprovals { have, need });
        }
        Ok(())
    }

    /// The independent reviewer, who took no part, overturns the decision.
    pub fn reverse(&self, record: Signed<'_>, roster: &Roster) -> Result<(), Refusal> {
        let [member] = members(record.body, record.approvals, roster)?[..] else {
            return Err(Refusal::ReviewerMissing);
        };
        if member.role != Role::Reviewer {
            return Err(Refusal::ReviewerMissing);
        }
        self.check_outside(member)
    }

    /// The same decision on the same sites, without a gap between the leases.
    fn check_continues(&self, terms: &Terms) -> Result<(), Refusal> {
        let old = &self.terms;
        let fields = [
            ("decision", terms.decision == old.decision),
            ("class", terms.class == old.class),
            ("scope", terms.scope == old.scope),
            ("roster", terms.roster == old.roster),
            ("not_before", (old.not_before..=old.expires).contains(&terms.not_before)),
            ("expires", terms.expires > old.not_before),
            ("territories", old.territories.is_empty() || is_within(terms, old)),
        ];
        match fields.into_iter().find(|(_, same)| !same) {
            Some((field, _)) => Err(Refusal::DoesNotContinue { field }),
            None => Ok(()),
        }
    }

    fn check_outside(&self, member: &Member) -> Result<(), Refusal> {
        if self.took_part(&member.person) { Err(Refusal::TookPart(member.pseudonym.clone())) } else { Ok(()) }
    }

    fn note(&mut self, record: Signed<'_>, roster: &Roster) {
        let signers = record.approvals.iter().filter_map(|approval| roster.member(&approval.key));
        let proposer = record.proposer.and_then(|name| roster.named(name));
        self.took_part.extend(signers.chain(proposer).map(|member| member.person));
    }
}

/// Whether terms act on no other territory than the former.
fn is_within(terms: &Terms, former: &Terms) -> bool {
    !terms.territories.is_empty() && terms.territories.is_subset(&former.territories)
}
