//! An appeal: filed → admissible | inadmissible → under review → decided → notified.
//!
//! By the customer, a reporter or anyone affected; against a decision, against inaction, against a
//! missed clock. It is dismissed, heard and ruled on by an independent reviewer who took no part in the
//! case in whatever way; each of these steps asks for that again, since parts are taken in between,
//! and "overturned" is what [`crate::Decision::reversal`] asks for. Silence is no outcome: an appeal past
//! its clock can be asked for ([`Appeal::overdue`]).

#[cfg(test)]
mod tests;

use crate::case::room;
use crate::{Case, CaseRefusal, Decision, Fact, Officer, Paragraphs, Recorded, clocks};
use policy::{Measure, Profile, Role, Roster};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use vocabulary::{AppealId, DecisionId, Timestamp};

/// Most appeals of one case.
pub const APPEALS_MAX: usize = 200;

/// An appeal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Appeal {
    /// Which appeal.
    pub id: AppealId,
    /// Who appeals.
    pub by: Appellant,
    /// Against what.
    pub against: Against,
    /// Why, in the appellant's words. Not public.
    pub grounds: Paragraphs,
    /// When it was filed.
    pub filed_at: Timestamp,
    /// By when it has to be decided.
    pub due: Timestamp,
    /// How far it is.
    pub state: AppealState,
}

/// Who appeals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Appellant {
    /// The customer.
    Customer,
    /// A reporter.
    Reporter,
    /// Anyone else who is affected.
    ThirdParty,
}

/// What an appeal is against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// A decision.
    Decision(DecisionId),
    /// That nothing was done.
    Inaction,
    /// That something was not done in time.
    MissedClock(MissedClock),
}

/// The clocks whose missing can be appealed against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissedClock {
    /// A report was not looked at in time.
    Triage,
    /// No authority was told in time.
    Referral,
    /// An earlier appeal was not decided in time.
    Appeal,
    /// The customer was not told in time.
    Notice,
}

/// How far an appeal is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum AppealState {
    /// It came in.
    Filed,
    /// It will be heard.
    Admissible {
        /// Who says so.
        by: Officer,
        /// When.
        at: Timestamp,
    },
    /// It will not be heard.
    Inadmissible {
        /// Who says so.
        by: Officer,
        /// When.
        at: Timestamp,
        /// Why.
        reason: Paragraphs,
    },
    /// A reviewer hears it.
    UnderReview {
        /// Who.
        reviewer: Officer,
        /// Since when.
        since: Timestamp,
    },
    /// The reviewer ruled.
    Decided {
        /// Who.
        reviewer: Officer,
        /// When.
        at: Timestamp,
        /// What.
        outcome: AppealOutcome,
        /// Why, for the appellant.
        reasons: Paragraphs,
    },
    /// The appellant was told.
    Notified {
        /// Who ruled.
        reviewer: Officer,
        /// What.
        outcome: AppealOutcome,
        /// Why.
        reasons: Paragraphs,
        /// When the appellant was told.
        at: Timestamp,
    },
}

/// What a reviewer rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppealOutcome {
    /// What was done, or not, stands.
    Upheld,
    /// It falls.
    Overturned,
    /// It stands in another form, which needs a record of its own.
    Varied,
}

/// What only an independent reviewer does with an appeal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Review {
    /// It will not be heard, for these reasons: who decided cannot turn an appeal away either.
    Dismiss(Paragraphs),
    /// Takes it up.
    Hear,
    /// Rules on it.
    Rule {
        /// What.
        outcome: AppealOutcome,
        /// Why, for the appellant.
        reasons: Paragraphs,
    },
}

/// Why a step of an appeal is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppealRefusal {
    /// Not in this state.
    #[error("an appeal that is {is} cannot be {wanted}")]
    WrongState {
        /// Its state.
        is: &'static str,
        /// What was asked.
        wanted: &'static str,
    },
    /// Not an independent reviewer.
    #[error("{0} is no independent reviewer of the roster")]
    NotReviewer(Officer),
    /// Took part.
    #[error("{0} took part in the case and may not hear an appeal in it")]
    TookPart(Officer),
    /// Somebody else's appeal to hear.
    #[error("{0} does not hear this appeal")]
    OtherReviewer(Officer),
}

impl AppealRefusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WrongState { .. } => "appeal-in-wrong-state",
            Self::NotReviewer(_) => "not-reviewer",
            Self::TookPart(_) => "took-part",
            Self::OtherReviewer(_) => "other-reviewer",
        }
    }
}

impl Appeal {
    /// An appeal as it comes in. Against a provisional measure it is expedited.
    pub fn file(
        id: AppealId,
        (by, against): (Appellant, Against),
        grounds: Paragraphs,
        decisions: &[&Decision],
        at: Timestamp,
    ) -> Self {
        let due = at.plus(clock(against, decisions));
        Self { id, by, against, grounds, filed_at: at, due, state: AppealState::Filed }
    }

    /// It will be heard.
    pub fn admit(self, by: Officer, at: Timestamp) -> Result<Self, AppealRefusal> {
        match self.state {
            AppealState::Filed => Ok(self.into(AppealState::Admissible { by, at })),
            _ => Err(self.refuse("admitted")),
        }
    }

    /// It will not be heard, with reasons.
    fn dismiss(self, by: Officer, at: Timestamp, reason: Paragraphs) -> Result<Self, AppealRefusal> {
        match self.state {
            AppealState::Filed => Ok(self.into(AppealState::Inadmissible { by, at, reason })),
            _ => Err(self.refuse("dismissed")),
        }
    }

    /// A reviewer takes it up.
    fn hear(self, reviewer: Officer, since: Timestamp) -> Result<Self, AppealRefusal> {
        match self.state {
            AppealState::Admissible { .. } => Ok(self.into(AppealState::UnderReview { reviewer, since })),
            _ => Err(self.refuse("heard")),
        }
    }

    /// The reviewer who hears it rules.
    fn rule(
        self,
        by: &Officer,
        outcome: AppealOutcome,
        reasons: Paragraphs,
        at: Timestamp,
    ) -> Result<Self, AppealRefusal> {
        match &self.state {
            AppealState::UnderReview { reviewer, .. } if reviewer == by => {
                let reviewer = reviewer.clone();
                Ok(self.into(AppealState::Decided { reviewer, at, outcome, reasons }))
            }
            AppealState::UnderReview { .. } => Err(AppealRefusal::OtherReviewer(by.clone())),
            _ => Err(self.refuse("ruled on")),
        }
    }

    /// The appellant was told.
    pub fn notify(self, at: Timestamp) -> Result<Self, AppealRefusal> {
        match self.state.clone() {
            AppealState::Decided { reviewer, outcome, reasons, .. } => {
                Ok(self.into(AppealState::Notified { reviewer, outcome, reasons, at }))
            }
            _ => Err(self.refuse("notified")),
        }
    }

    /// Who ruled and what, once somebody has.
    pub fn ruling(&self) -> Option<(&Officer, AppealOutcome)> {
        match &self.state {
            AppealState::Decided { reviewer, outcome, .. }
            | AppealState::Notified { reviewer, outcome, .. } => Some((reviewer, *outcome)),
            _ => None,
        }
    }

    /// Whether somebody has still to rule on it.
    pub fn is_open(&self) -> bool {
        matches!(
            self.state,
            AppealState::Filed | AppealState::Admissible { .. } | AppealState::UnderReview { .. }
        )
    }

    /// Whether its clock ran out before anybody ruled.
    pub fn overdue(&self, now: Timestamp) -> bool {
        self.is_open() && now >= self.due
    }

    fn into(self, state: AppealState) -> Self {
        Self { state, ..self }
    }

    fn refuse(&self, wanted: &'static str) -> AppealRefusal {
        AppealRefusal::WrongState { is: self.state.name(), wanted }
    }
}

impl AppealState {
    /// The state's name, as in documents.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Filed => "filed",
            Self::Admissible { .. } => "admissible",
            Self::Inadmissible { .. } => "inadmissible",
            Self::UnderReview { .. } => "under-review",
            Self::Decided { .. } => "decided",
            Self::Notified { .. } => "notified",
        }
    }
}

fn clock(against: Against, decisions: &[&Decision]) -> Duration {
    let provisional = |id| decisions.iter().any(|held| held.id == id && held.terms.measure == Measure::M5);
    match against {
        Against::Decision(id) if provisional(id) => clocks::EXPEDITED_APPEAL,
        _ => clocks::APPEAL,
    }
}

impl Case {
    /// Takes an appeal in; a closed case can be appealed against, too.
    pub fn add_appeal(&mut self, appeal: Appeal) -> Result<(), CaseRefusal> {
        room("appeals", self.appeals.len(), APPEALS_MAX)?;
        if self.appeals.iter().any(|other| other.id == appeal.id) {
            return Err(CaseRefusal::Twice(appeal.id.to_string()));
        }
        self.appeals.push(appeal);
        Ok(())
    }

    /// Moves an appeal on; refused steps leave it as it was.
    pub fn step_appeal(
        &mut self,
        id: AppealId,
        step: impl FnOnce(Appeal) -> Result<Appeal, AppealRefusal>,
    ) -> Result<(), CaseRefusal> {
        let found = self.appeals.iter_mut().find(|appeal| appeal.id == id);
        let found = found.ok_or(CaseRefusal::NoAppeal(id))?;
        *found = step(found.clone()).map_err(CaseRefusal::Appeal)?;
        Ok(())
    }

    /// A step that asks for an independent reviewer who took no part. `decisions` are all of the case.
    pub fn review_appeal(
        &mut self,
        id: AppealId,
        (reviewer, review): (&Officer, Review),
        (decisions, roster): (&[&Decision], &Roster),
        at: Timestamp,
    ) -> Result<(), CaseRefusal> {
        let known = Officer::on(roster, &reviewer.pseudonym).as_ref() == Some(reviewer);
        if !known || reviewer.role != Role::Reviewer {
            return Err(CaseRefusal::Appeal(AppealRefusal::NotReviewer(reviewer.clone())));
        }
        if self.took_part(decisions, roster).contains(&reviewer.pseudonym.to_string()) {
            return Err(CaseRefusal::Appeal(AppealRefusal::TookPart(reviewer.clone())));
        }
        self.step_appeal(id, |appeal| match review {
            Review::Dismiss(reason) => appeal.dismiss(reviewer.clone(), at, reason),
            Review::Hear => appeal.hear(reviewer.clone(), at),
            Review::Rule { outcome, reasons } => appeal.rule(reviewer, outcome, reasons, at),
        })
    }

    /// Whether this officer hears an appeal that is still open.
    pub(crate) fn hears_appeal(&self, officer: &Officer) -> bool {
        let hears = |appeal: &Appeal| matches!(&appeal.state, AppealState::UnderReview { reviewer, .. } if reviewer == officer);
        self.appeals.iter().any(hears)
    }

    /// Whether a reviewer has overturned a decision.
    pub fn overturned(&self, decision: DecisionId) -> bool {
        self.appeals.iter().any(|appeal| self.overturned_by(appeal.id, decision).is_some())
    }

    /// The reviewer who overturned a decision on this appeal, if one did.
    pub(crate) fn overturned_by(&self, id: AppealId, decision: DecisionId) -> Option<&Officer> {
        let appeal = self.appeals.iter().find(|appeal| appeal.id == id)?;
        let (reviewer, outcome) = appeal.ruling()?;
        let own = appeal.against == Against::Decision(decision);
        (own && outcome == AppealOutcome::Overturned).then_some(reviewer)
    }

    /// Pseudonyms of everybody who opened, filed, rated, recorded, proposed or signed anything in it, or
    /// declared a conflict. What waits for signatures counts, too; only a reversal does not, which is a
    /// reviewer's own word.
    pub fn took_part(&self, decisions: &[&Decision], roster: &Roster) -> BTreeSet<String> {
        fn by<T>(fact: &Option<Recorded<T>>) -> Option<&Officer> {
            fact.as_ref().map(|recorded| &recorded.by)
        }
        let facts = &self.facts;
        let recorded = [
            by(&facts.danger),
            by(&facts.nexus),
            by(&facts.concerned),
            by(&facts.lesser_measures),
            by(&facts.safety),
            by(&facts.legal_review),
            by(&facts.site_conduct),
        ];
        let replaced = self.superseded.iter().filter(|old| !matches!(old.fact, Fact::Declaration(_)));
        let conflicted = facts.declarations.iter().filter(|one| one.fact.conflict.is_some());
        let rated = self
            .findings
            .iter()
            .flat_map(|finding| finding.ratings.all().map(|rating| &rating.by).chain([&finding.filed_by]));
        let linked = self
            .links
            .iter()
            .flat_map(|link| link.confirmed.iter().map(|confirmed| &confirmed.by).chain([&link.noted_by]));
        let officers = [&self.opened_by]
            .into_iter()
            .chain(linked)
            .chain(recorded.into_iter().flatten())
            .chain(replaced.map(|old| &old.by))
            .chain(conflicted.map(|one| &one.by))
            .chain(rated)
            .map(|officer| officer.pseudonym.to_string());
        officers.chain(deciders(decisions, roster)).collect()
    }

    /// Pseudonyms of who may not make the pass by which a reviewer rules: whoever makes it hears its code, so nobody who
    /// took part. In a trial, where seven pseudonyms do everything, nobody who proposed or signed; else none but the
    /// reviewer would be left to make it.
    pub fn barred_from_pass(&self, decisions: &[&Decision], roster: &Roster) -> BTreeSet<String> {
        match roster.profile() {
            Profile::Trial => deciders(decisions, roster),
            Profile::Solo | Profile::Ward | Profile::Full => self.took_part(decisions, roster),
        }
    }
}

/// Pseudonyms of everybody who proposed or signed a decision, or what waits to follow it; a reversal aside.
fn deciders(decisions: &[&Decision], roster: &Roster) -> BTreeSet<String> {
    let proposed = decisions.iter().flat_map(|decision| {
        let pending = decision.pending.iter().filter(|one| !one.is_reversal()).map(|one| &one.by);
        let former = decision.former.iter().map(|former| &former.proposed_by);
        former.chain([&decision.proposed_by]).chain(pending)
    });
    let signed = decisions.iter().flat_map(|decision| {
        let former = decision.former.iter().flat_map(|former| &former.approvals);
        let pending = decision.pending.iter().filter(|one| !one.is_reversal());
        let pending = pending.flat_map(|one| &one.approvals);
        decision.state.approvals().iter().chain(former).chain(pending)
    });
    let signers = signed.filter_map(|approval| roster.member(&approval.key));
    let proposed = proposed.map(|officer| officer.pseudonym.to_string());
    proposed.chain(signers.map(|member| member.pseudonym.to_string())).collect()
}
