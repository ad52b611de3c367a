//! Who may ratify an emergency, and on what: two people not among the proposers, plus an order or the
//! independent reviewer.
//!
//! An authority's non-objection helps only together with the reviewer, and never from who supplied
//! evidence; a request or silence never ratifies. This asks who and on what; the signatures of a
//! ratification are checked like those of a decision.

#[cfg(test)]
mod tests;

use crate::{Answer, Case, Decision, Footing, NotBehind, Officer, ReferralState, Source};
use policy::{Role, Roster};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use vocabulary::{OrderId, ReferralId, Timestamp};

/// What a ratification rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// An authority's order, alone.
    Order(OrderId),
    /// The independent reviewer.
    Reviewer(Officer),
    /// An authority's non-objection together with the reviewer.
    NonObjectionAndReviewer(ReferralId, Officer),
}

/// A ratification that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ratification {
    /// Who ratifies.
    pub people: Vec<Officer>,
    /// On what.
    pub basis: Basis,
}

/// Proof that these people may ratify on this basis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ratified(());

/// Why a ratification is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RatificationRefusal {
    /// Never logged.
    #[error("only a logged decision can be ratified")]
    NotLogged,
    /// Not two people.
    #[error("two people are needed to ratify")]
    TooFew,
    /// Not on the roster, or under another role.
    #[error("{0} is not on the roster in that role")]
    Outsider(Officer),
    /// A role that does not decide.
    #[error("the role {0} may not ratify")]
    RoleMayNotDecide(Role),
    /// Who proposed or approved the decision.
    #[error("{0} proposed or approved the decision and may not ratify it")]
    Proposer(Officer),
    /// The reviewer is none.
    #[error("{0} is not the independent reviewer")]
    NotReviewer(Officer),
    /// Nothing answered.
    #[error("the authority has not answered {0}; silence never ratifies")]
    Silence(ReferralId),
    /// Too weak an answer.
    #[error("this answer alone never ratifies; an order or the independent reviewer is needed")]
    AnswerTooWeak,
    /// Hears an appeal in the case.
    #[error("{0} hears an appeal in this case and cannot confirm a decision in it")]
    HearsAppeal(Officer),
    /// The order does not stand.
    #[error(transparent)]
    Order(NotBehind),
    /// From who supplied evidence.
    #[error("who supplied evidence cannot help to ratify by not objecting")]
    SuppliedEvidence,
}

/// Checks people and basis.
pub fn ratify<'a>(
    decision: &Decision,
    footing: impl Into<Footing<'a>>,
    roster: &Roster,
    ratification: &Ratification,
    now: Timestamp,
) -> Result<Ratified, RatificationRefusal> {
    let footing = footing.into();
    if decision.state.logged().is_none() || decision.case != footing.case.id {
        return Err(RatificationRefusal::NotLogged);
    }
    check_people(decision, roster, &ratification.people)?;
    check_basis(decision, footing, roster, &ratification.basis, now)?;
    Ok(Ratified(()))
}

/// Whether the basis carries a ratification. How far an order reaches is asked of the terms.
pub(crate) fn check_basis(
    decision: &Decision,
    footing: Footing<'_>,
    roster: &Roster,
    basis: &Basis,
    now: Timestamp,
) -> Result<(), RatificationRefusal> {
    let case = footing.case;
    match basis {
        Basis::Reviewer(reviewer) => check_reviewer(decision, case, roster, reviewer),
        Basis::Order(id) => {
            let stands = footing.named(Some(*id)).and_then(|order| order.stands(case.id, now));
            stands.map(drop).map_err(RatificationRefusal::Order)
        }
        Basis::NonObjectionAndReviewer(id, reviewer) => {
            if *answer(case, *id)? != Answer::NonObjection {
                return Err(RatificationRefusal::AnswerTooWeak);
            }
            check_supplier(case, *id)?;
            check_reviewer(decision, case, roster, reviewer)
        }
    }
}

impl Basis {
    /// The reviewer that it rests on, if it does.
    pub fn reviewer(&self) -> Option<&Officer> {
        match self {
            Self::Reviewer(reviewer) | Self::NonObjectionAndReviewer(_, reviewer) => Some(reviewer),
            Self::Order(_) => None,
        }
    }

    /// The order that it rests on, if it does.
    pub fn order(&self) -> Option<OrderId> {
        match self {
            Self::Order(order) => Some(*order),
            Self::Reviewer(_) | Self::NonObjectionAndReviewer(..) => None,
        }
    }
}

impl RatificationRefusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotLogged => "not-logged",
            Self::TooFew => "too-few-ratifiers",
            Self::Outsider(_) => "outsider",
            Self::RoleMayNotDecide(_) => "role-may-not-decide",
            Self::Proposer(_) => "took-part",
            Self::NotReviewer(_) => "not-reviewer",
            Self::HearsAppeal(_) => "hears-appeal",
            Self::Silence(_) => "silence",
            Self::AnswerTooWeak => "answer-too-weak",
            Self::Order(why) => why.name(),
            Self::SuppliedEvidence => "supplied-evidence",
        }
    }
}

fn check_people(decision: &Decision, roster: &Roster, people: &[Officer]) -> Result<(), RatificationRefusal> {
    let distinct: BTreeSet<_> = people.iter().map(|officer| &officer.pseudonym).collect();
    if distinct.len() < 2 {
        return Err(RatificationRefusal::TooFew);
    }
    for officer in people {
        on_roster(roster, officer)?;
        if !officer.role.may_decide() {
            return Err(RatificationRefusal::RoleMayNotDecide(officer.role));
        }
        check_took_no_part(decision, roster, officer)?;
    }
    Ok(())
}

pub(crate) fn check_took_no_part(
    decision: &Decision,
    roster: &Roster,
    officer: &Officer,
) -> Result<(), RatificationRefusal> {
    let former = decision.former.iter().flat_map(|former| &former.approvals);
    let mut signers =
        decision.state.approvals().iter().chain(former).filter_map(|approval| roster.member(&approval.key));
    let signed = signers.any(|member| member.pseudonym == officer.pseudonym);
    let mut proposers =
        decision.former.iter().map(|former| &former.proposed_by).chain([&decision.proposed_by]);
    if signed || proposers.any(|proposer| proposer.pseudonym == officer.pseudonym) {
        return Err(RatificationRefusal::Proposer(officer.clone()));
    }
    Ok(())
}

/// Who reviews is no judge of their own word: hearing an appeal and confirming the decision exclude each
/// other.
fn check_reviewer(
    decision: &Decision,
    case: &Case,
    roster: &Roster,
    officer: &Officer,
) -> Result<(), RatificationRefusal> {
    on_roster(roster, officer)?;
    if officer.role != Role::Reviewer {
        return Err(RatificationRefusal::NotReviewer(officer.clone()));
    }
    if case.hears_appeal(officer) {
        return Err(RatificationRefusal::HearsAppeal(officer.clone()));
    }
    check_took_no_part(decision, roster, officer)
}

fn on_roster(roster: &Roster, officer: &Officer) -> Result<(), RatificationRefusal> {
    if Officer::on(roster, &officer.pseudonym).as_ref() == Some(officer) {
        Ok(())
    } else {
        Err(RatificationRefusal::Outsider(officer.clone()))
    }
}

fn answer(case: &Case, id: ReferralId) -> Result<&Answer, RatificationRefusal> {
    let referral = case.referrals.iter().find(|referral| referral.id == id);
    let state: Option<&ReferralState> = referral.map(|referral| &referral.state);
    state.and_then(ReferralState::answered).map(|(answer, _)| answer).ok_or(RatificationRefusal::Silence(id))
}

/// The authority did not itself supply a package that a finding rests on.
fn check_supplier(case: &Case, id: ReferralId) -> Result<(), RatificationRefusal> {
    let Some(referral) = case.referrals.iter().find(|referral| referral.id == id) else { return Ok(()) };
    let supplied = case.findings.iter().any(|finding| {
        matches!(&finding.source, Source::C { supplier } if supplier.resembles(&referral.authority.name))
    });
    if supplied { Err(RatificationRefusal::SuppliedEvidence) } else { Ok(()) }
}
