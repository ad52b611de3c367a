//! Approvals: did enough of the right people sign exactly these bytes.

use crate::{Member, PublicKey, Refusal, Role, Roster, Signature, Terms};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use vocabulary::{Digest, Hasher};

#[cfg(test)]
mod tests;

/// Most approvals read with one record.
pub const APPROVALS_MAX: usize = 16;

/// One officer's signature under one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The officer's key.
    pub key: PublicKey,
    /// The role the officer signs in.
    pub role: Role,
    /// Ed25519 over [`approval_digest`] of the record's bytes.
    pub signature: Signature,
}

/// Proof that a record carries the approvals its roster asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    roles: Vec<Role>,
}

impl Approved {
    /// The roles that approved, in the order of the approvals.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }
}

/// What officers sign: a domain-separated digest of a record's exact bytes.
pub fn approval_digest(body: &[u8]) -> Digest {
    Hasher::domain("wardmote/approval/v1").part(body).finish()
}

/// Examines one approval by itself: on the roster, in the role it claims, a role that may decide, and
/// a signature over these bytes.
pub fn examine<'a>(body: &[u8], approval: &Approval, roster: &'a Roster) -> Result<&'a Member, Refusal> {
    let member = roster.member(&approval.key).ok_or(Refusal::Outsider)?;
    if member.role != approval.role {
        return Err(Refusal::WrongRole { claimed: approval.role, roster: member.role });
    }
    if !member.role.may_decide() {
        return Err(Refusal::RoleMayNotDecide(member.role));
    }
    if approval.key.verifies(&approval_digest(body), &approval.signature) {
        Ok(member)
    } else {
        Err(Refusal::SignatureWrong(member.role))
    }
}

/// The members behind signatures of whatever role: on the roster, in the role they claim, over these
/// bytes, each person once.
pub(crate) fn members<'a>(
    body: &[u8],
    approvals: &[Approval],
    roster: &'a Roster,
) -> Result<Vec<&'a Member>, Refusal> {
    let mut people = BTreeSet::new();
    let mut found = Vec::new();
    if approvals.len() > APPROVALS_MAX {
        return Err(Refusal::TooManyApprovals(approvals.len()));
    }
    for approval in approvals {
        let member = signer(body, approval, roster)?;
        if !people.insert(member.person) {
            return Err(Refusal::SamePersonTwice);
        }
        found.push(member);
    }
    Ok(found)
}

/// Whose signature this is: on the roster, in the role it claims, over these bytes. Whether that role
/// may sign is the caller's to ask.
pub fn signer<'a>(body: &[u8], approval: &Approval, roster: &'a Roster) -> Result<&'a Member, Refusal> {
    let member = roster.member(&approval.key).ok_or(Refusal::Outsider)?;
    if member.role != approval.role {
        return Err(Refusal::WrongRole { claimed: approval.role, roster: member.role });
    }
    if approval.key.verifies(&approval_digest(body), &approval.signature) {
        Ok(member)
    } else {
        Err(Refusal::SignatureWrong(member.role))
    }
}

/// Checks all approvals of a record together. One bad approval refuses the record, even where the
/// others would suffice: a record with slack could be changed without notice.
pub fn approve(
    body: &[u8],
    approvals: &[Approval],
    roster: &Roster,
    terms: &Terms,
) -> Result<Approved, Refusal> {
    check_roster(roster, terms)?;
    if approvals.len() > APPROVALS_MAX {
        return Err(Refusal::TooManyApprovals(approvals.len()));
    }
    let mut keys = BTreeSet::new();
    let mut people = BTreeSet::new();
    let mut roles = BTreeSet::new();
    let mut organisations = BTreeSet::new();
    for approval in approvals {
        let member = examine(body, approval, roster)?;
        if !keys.insert(*member.key.as_bytes()) {
            return Err(Refusal::SameKeyTwice);
        }
        if !people.insert(member.person) {
            return Err(Refusal::SamePersonTwice);
        }
        roles.insert(member.role);
        organisations.insert(&member.organisation);
    }
    let thresholds = roster.thresholds();
    at_least(people.len(), thresholds.approvals, |have, need| Refusal::TooFewApprovals { have, need })?;
    at_least(roles.len(), thresholds.roles, |have, need| Refusal::TooFewRoles { have, need })?;
    at_least(organisations.len(), thresholds.organisations, |have, need| Refusal::TooFewOrganisations {
        have,
        need,
    })?;
    Ok(Approved { roles: approvals.iter().map(|approval| approval.role).collect() })
}

/// The terms name the roster they are approved by, and it was in force when they were proposed.
fn check_roster(roster: &Roster, terms: &Terms) -> Result<(), Refusal> {
    if roster.profile() != terms.profile {
        return Err(Refusal::ProfileChanged { terms: terms.profile, roster: roster.profile() });
    }
    if roster.hash() != terms.roster {
        return Err(Refusal::RosterChanged);
    }
    if roster.not_before() > terms.proposed_at() { Err(Refusal::RosterNotInForce) } else { Ok(()) }
}

fn at_least(have: usize, need: u32, refuse: impl Fn(usize, usize) -> Refusal) -> Result<(), Refusal> {
    let need = usize::try_from(need).unwrap_or(usize::MAX);
    if have >= need { Ok(()) } else { Err(refuse(have, need)) }
}
