//! What follows a decision: ratification, renewal, a lift by officers, a reversal by the reviewer.
//!
//! Owns who may propose and sign each, and when it is ready for the log. A decision waits for one such
//! record at a time. Ratification and renewal run the gate again, or ask the order behind them;
//! what ends a measure asks no gate. Edges repeat the check of the signatures ([`policy::Standing`]).

use super::{Decision, DecisionRefusal, DecisionState, Ending, Former, Logged, check_interests};
use crate::ratification::{Basis, check_basis, check_took_no_part};
use crate::{Case, CaseStatus, Footing, Officer, Setting, assess, clocks, statement};
use policy::{
    Approval, Demand, EndReason, Ground, LIFT_WAIT, Measure, Refusal, Roster, Signed, Standing, Statement,
    Terms, Territory, admissible,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use vocabulary::{AppealId, OrderId, Timestamp};

#[cfg(test)]
mod tests;

/// A record that shall follow, being signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// What it says.
    pub follow_up: FollowUp,
    /// Who proposed it.
    pub by: Officer,
    /// When.
    pub at: Timestamp,
    /// The exact bytes that officers sign.
    pub body: String,
    /// The signatures so far.
    pub approvals: Vec<Approval>,
    /// Kept before the entry is given to the log, and taken back only where the log has it not: until
    /// then nothing may take this record's place, since it may be public any moment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handed_in: bool,
}

impl Pending {
    /// Whether it is a reviewer's own reversal.
    pub(crate) fn is_reversal(&self) -> bool {
        matches!(self.follow_up, FollowUp::Reversal { .. })
    }

    /// Whether its time is over: what would carry a measure further rests on a verdict of the gate, which
    /// holds for [`clocks::VERDICT_HOLDS`]. A lift is signed while its wait runs: later it would act at once,
    /// with nobody told. A reversal waits as long as it has to.
    pub fn is_over(&self, now: Timestamp) -> bool {
        let until = match &self.follow_up {
            FollowUp::Ratification { .. } | FollowUp::Renewal { .. } => self.at.plus(clocks::VERDICT_HOLDS),
            FollowUp::Lift { effective, .. } => *effective,
            FollowUp::Reversal { .. } => return false,
        };
        !self.handed_in && now >= until
    }
}

/// What may follow a logged decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum FollowUp {
    /// An emergency is confirmed.
    Ratification {
        /// On what.
        basis: Basis,
        /// The terms from then on.
        terms: Box<Terms>,
        /// Their statement.
        statement: Box<Statement>,
    },
    /// A confirmed measure is taken up once more.
    Renewal {
        /// The order that it carries out, on the ground order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<OrderId>,
        /// The terms from then on.
        terms: Box<Terms>,
        /// Their statement.
        statement: Box<Statement>,
    },
    /// Two officers end it; it acts on until `effective`, and everybody is told.
    Lift {
        /// Why.
        because: EndReason,
        /// From when the measure no longer acts.
        effective: Timestamp,
    },
    /// The reviewer overturned it.
    Reversal {
        /// On which appeal.
        appeal: AppealId,
        /// Who ruled.
        reviewer: Officer,
        /// From when the measure no longer acts: from the ruling on.
        effective: Timestamp,
    },
}

/// A confirmation or renewal that is asked for.
#[derive(Debug, Clone)]
pub struct Continuation {
    /// How long it shall run, from now.
    pub lease: Duration,
    /// The legal demand behind it, where it rests on an order.
    pub demand: Option<Demand>,
    /// Where the order acts; nothing: wherever the measure does already.
    pub territories: BTreeSet<Territory>,
}

impl FollowUp {
    /// The name, as in documents.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ratification { .. } => "ratification",
            Self::Renewal { .. } => "renewal",
            Self::Lift { .. } => "lift",
            Self::Reversal { .. } => "reversal",
        }
    }

    /// The terms from then on, where it carries the measure further.
    pub fn terms(&self) -> Option<&Terms> {
        match self {
            Self::Ratification { terms, .. } | Self::Renewal { terms, .. } => Some(terms),
            Self::Lift { .. } | Self::Reversal { .. } => None,
        }
    }

    /// The order that it rests on, where it carries the measure further by one.
    pub fn order(&self) -> Option<OrderId> {
        match self {
            Self::Ratification { basis, .. } => basis.order(),
            Self::Renewal { order, .. } => *order,
            Self::Lift { .. } | Self::Reversal { .. } => None,
        }
    }

    /// Whether this may take the place of `other`, which waits for signatures or for the facts: what ends
    /// a measure before what carries it further, and what ends it at once before what ends it later.
    fn goes_before(&self, other: &Self) -> bool {
        let urgency = |one: &Self| match one {
            Self::Ratification { .. } | Self::Renewal { .. } => 0,
            Self::Lift { .. } => 1,
            Self::Reversal { .. } => 2,
        };
        urgency(self) > urgency(other)
    }

    /// From when the measure no longer acts and why, where it ends it.
    pub fn ends(&self) -> Option<(Timestamp, EndReason)> {
        match self {
            Self::Lift { because, effective } => Some((*effective, *because)),
            Self::Reversal { effective, .. } => Some((*effective, EndReason::Overturned)),
            Self::Ratification { .. } | Self::Renewal { .. } => None,
        }
    }
}

impl Decision {
    /// The order that has to stand for the next step: that of the record which waits, or else its own.
    pub fn order_asked(&self) -> Option<OrderId> {
        self.pending.as_ref().map_or(self.order, |pending| pending.follow_up.order())
    }

    /// Composes a ratification: M6 from now on, or the same lesser measure.
    pub fn ratification<'a>(
        &self,
        footing: impl Into<Footing<'a>>,
        (basis, asked): (Basis, Continuation),
        by: &Officer,
        setting: &Setting<'_>,
        now: Timestamp,
    ) -> Result<FollowUp, DecisionRefusal> {
        let footing = footing.into();
        self.check_runs(footing.case, now)?;
        let ratified = self.terms.measure.ratified().filter(|_| self.terms.ground == Ground::Emergency);
        let measure = ratified.ok_or(DecisionRefusal::Approval(Refusal::NotARatification))?;
        check_took_no_part(self, setting.roster, by).map_err(DecisionRefusal::Ratification)?;
        check_basis(self, footing, setting.roster, &basis, now).map_err(DecisionRefusal::Ratification)?;
        let ground = match basis {
            Basis::Order(_) => Ground::Order,
            Basis::Reviewer(_) | Basis::NonObjectionAndReviewer(..) => Ground::RatifiedEmergency,
        };
        self.check_facts(footing, ground, now)?;
        let (terms, statement) = self.continued((measure, ground, 0), asked, setting, now)?;
        self.check_order(footing, (basis.order(), &terms), now)?;
        Ok(FollowUp::Ratification { basis, terms, statement })
    }

    /// Composes a renewal of a confirmed measure; on the ground order, by the order that is given.
    pub fn renewal<'a>(
        &self,
        footing: impl Into<Footing<'a>>,
        asked: Continuation,
        setting: &Setting<'_>,
        now: Timestamp,
    ) -> Result<FollowUp, DecisionRefusal> {
        let footing = footing.into();
        self.check_runs(footing.case, now)?;
        let (measure, ground) = (self.terms.measure, self.terms.ground);
        self.check_facts(footing, ground, now)?;
        let number = self.terms.renewal + 1;
        let (terms, statement) = self.continued((measure, ground, number), asked, setting, now)?;
        let order = footing.order.filter(|_| ground == Ground::Order).map(|order| order.id);
        self.check_order(footing, (order, &terms), now)?;
        Ok(FollowUp::Renewal { order, terms, statement })
    }

    /// Composes a lift; it acts when [`LIFT_WAIT`] is over.
    pub fn lift(&self, because: EndReason, now: Timestamp) -> Result<FollowUp, DecisionRefusal> {
        self.check_acts(now)?;
        if because == EndReason::Overturned {
            return Err(DecisionRefusal::Approval(Refusal::ReviewerMissing));
        }
        Ok(FollowUp::Lift { because, effective: now.plus(LIFT_WAIT) })
    }

    /// Composes the reversal that an appeal's outcome asks for.
    pub fn reversal(
        &self,
        case: &Case,
        appeal: AppealId,
        now: Timestamp,
    ) -> Result<FollowUp, DecisionRefusal> {
        self.check_acts(now)?;
        let reviewer = case.overturned_by(appeal, self.id).ok_or(DecisionRefusal::NotOverturned(appeal))?;
        Ok(FollowUp::Reversal { appeal, reviewer: reviewer.clone(), effective: now })
    }

    /// Puts a record up for signing, given its exact bytes. One at a time: what is over makes room, and
    /// what ends the measure does not wait for what would carry it further.
    pub fn follow(
        mut self,
        follow_up: FollowUp,
        by: Officer,
        body: String,
        now: Timestamp,
    ) -> Result<Self, DecisionRefusal> {
        self.check_acts(now)?;
        match &self.pending {
            Some(pending) if pending.handed_in => return Err(DecisionRefusal::FollowUpHandedIn),
            Some(pending) if !pending.is_over(now) && !follow_up.goes_before(&pending.follow_up) => {
                return Err(DecisionRefusal::FollowUpOpen);
            }
            _ => {}
        }
        let approvals = Vec::new();
        self.pending = Some(Pending { follow_up, by, at: now, body, approvals, handed_in: false });
        Ok(self)
    }

    /// Takes the record that waits for signatures away, however many there are, unless it is on its way.
    pub fn withdraw(self) -> Result<Self, DecisionRefusal> {
        match &self.pending {
            None => Err(DecisionRefusal::NothingPending),
            Some(pending) if pending.handed_in => Err(DecisionRefusal::FollowUpHandedIn),
            Some(_) => Ok(self.drop_pending()),
        }
    }

    /// Takes the record away that the log cannot have any more: its number is taken, or its time is over.
    #[must_use]
    pub fn drop_pending(mut self) -> Self {
        self.pending = None;
        self
    }

    /// The record that waits is about to be given to the log, or has not got there.
    #[must_use]
    pub fn hand_in(mut self, handed_in: bool) -> Self {
        if let Some(pending) = &mut self.pending {
            pending.handed_in = handed_in;
        }
        self
    }

    /// Adds a signature to the record that waits for them.
    pub fn sign(
        mut self,
        approval: Approval,
        case: &Case,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<Self, DecisionRefusal> {
        self.check_acts(now)?;
        let pending = self.pending.as_ref().ok_or(DecisionRefusal::NothingPending)?;
        if pending.is_over(now) {
            return Err(DecisionRefusal::FollowUpOver);
        }
        let member =
            policy::signer(pending.body.as_bytes(), &approval, roster).map_err(DecisionRefusal::Approval)?;
        let signer = Officer { role: member.role, pseudonym: member.pseudonym.clone() };
        check_interests(case, signer.clone(), now)?;
        self.check_signer(pending, &signer, roster)?;
        if pending.approvals.iter().any(|other| other.key == approval.key) {
            return Err(DecisionRefusal::Approval(Refusal::SameKeyTwice));
        }
        let signed = |other: &Approval| roster.member(&other.key).map(|other| other.person);
        if pending.approvals.iter().any(|other| signed(other) == Some(member.person)) {
            return Err(DecisionRefusal::Approval(Refusal::SamePersonTwice));
        }
        if let Some(pending) = self.pending.as_mut() {
            pending.approvals.push(approval);
        }
        Ok(self)
    }

    fn check_signer(
        &self,
        pending: &Pending,
        signer: &Officer,
        roster: &Roster,
    ) -> Result<(), DecisionRefusal> {
        let named = match &pending.follow_up {
            FollowUp::Ratification { basis, .. } => {
                check_took_no_part(self, roster, signer).map_err(DecisionRefusal::Ratification)?;
                basis.reviewer()
            }
            FollowUp::Reversal { reviewer, .. } => Some(reviewer),
            FollowUp::Renewal { .. } | FollowUp::Lift { .. } => None,
        };
        let alone = matches!(pending.follow_up, FollowUp::Reversal { .. });
        let may = (signer.role.may_decide() && !alone) || named == Some(signer);
        if may { Ok(()) } else { Err(DecisionRefusal::Approval(Refusal::RoleMayNotDecide(signer.role))) }
    }

    /// Whether the record that waits may be handed to the log: the signatures suffice and, where it
    /// carries the measure further, what it rests on still does: an open case, the order or the reviewer,
    /// the facts.
    pub fn follow_ready<'a>(
        &self,
        footing: impl Into<Footing<'a>>,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<(), DecisionRefusal> {
        let footing = footing.into();
        self.check_acts(now)?;
        let pending = self.pending.as_ref().ok_or(DecisionRefusal::NothingPending)?;
        self.check_signatures(pending, roster).map_err(DecisionRefusal::Approval)?;
        let Some(terms) = pending.follow_up.terms() else { return Ok(()) };
        self.check_runs(footing.case, now)?;
        if let FollowUp::Ratification { basis, .. } = &pending.follow_up {
            check_basis(self, footing, roster, basis, now).map_err(DecisionRefusal::Ratification)?;
        }
        self.check_order(footing, (pending.follow_up.order(), terms), now)?;
        self.check_facts(footing, terms.ground, now)
    }

    /// Whether the record that waits carries enough signatures.
    pub fn check_signatures(&self, pending: &Pending, roster: &Roster) -> Result<(), Refusal> {
        let standing = self.standing(roster)?;
        let record = Signed {
            body: pending.body.as_bytes(),
            approvals: &pending.approvals,
            proposer: Some(&pending.by.pseudonym),
        };
        match &pending.follow_up {
            FollowUp::Ratification { terms, .. } => standing.ratify(record, roster, terms).map(drop),
            FollowUp::Renewal { terms, .. } => standing.renew(record, roster, terms).map(drop),
            FollowUp::Lift { .. } => standing.lift(record, roster),
            FollowUp::Reversal { .. } => standing.reverse(record, roster),
        }
    }

    /// The record was found in the log: the decision goes on under its new terms, or ends.
    pub fn follow_found(mut self, logged: Logged) -> Result<Self, DecisionRefusal> {
        let pending = self.pending.take().ok_or(DecisionRefusal::NothingPending)?;
        let order = pending.follow_up.order();
        let (approvals, before, published, receipts) = match self.state {
            DecisionState::Published { approvals, logged, published } => {
                (approvals, logged, published, Vec::new())
            }
            DecisionState::InForce { approvals, logged, published, receipts } => {
                (approvals, logged, published, receipts)
            }
            _ => return Err(self.refuse(pending.follow_up.name())),
        };
        match pending.follow_up {
            FollowUp::Ratification { terms, statement, .. } | FollowUp::Renewal { terms, statement, .. } => {
                self.former.push(Former {
                    proposed_by: std::mem::replace(&mut self.proposed_by, pending.by),
                    terms: std::mem::replace(&mut self.terms, *terms),
                    statement: std::mem::replace(&mut self.statement, *statement),
                    body: std::mem::replace(&mut self.body, pending.body),
                    approvals,
                    order: std::mem::replace(&mut self.order, order),
                    logged: before,
                });
                self.state = DecisionState::Logged { approvals: pending.approvals, logged };
            }
            ending => {
                let Some((effective, because)) = ending.ends() else {
                    return Err(DecisionRefusal::NothingPending);
                };
                let ending =
                    Ending { because, effective, logged, body: pending.body, approvals: pending.approvals };
                self.state = DecisionState::Ended { approvals, logged: before, published, receipts, ending };
            }
        }
        Ok(self)
    }

    /// The decision as its signed records leave it.
    pub fn standing(&self, roster: &Roster) -> Result<Standing, Refusal> {
        let now = (&self.terms, &self.body, self.state.approvals(), &self.proposed_by);
        let earlier = self.former.iter();
        let records = earlier
            .map(|former| (&former.terms, &former.body, former.approvals.as_slice(), &former.proposed_by))
            .chain([now]);
        let mut standing: Option<Standing> = None;
        for (terms, body, approvals, by) in records {
            let record = Signed { body: body.as_bytes(), approvals, proposer: Some(&by.pseudonym) };
            standing = Some(match standing {
                None => Standing::made(record, roster, terms)?,
                Some(before) if terms.renewal > 0 => before.renew(record, roster, terms)?,
                Some(before) => before.ratify(record, roster, terms)?,
            });
        }
        standing.ok_or(Refusal::TooFewApprovals { have: 0, need: 1 })
    }

    /// Logged and published, and the measure acts.
    fn check_acts(&self, now: Timestamp) -> Result<(), DecisionRefusal> {
        if !matches!(self.state, DecisionState::Published { .. } | DecisionState::InForce { .. }) {
            return Err(self.refuse("followed"));
        }
        if now >= self.terms.expires { Err(DecisionRefusal::LeaseOver(self.terms.expires)) } else { Ok(()) }
    }

    fn check_runs(&self, case: &Case, now: Timestamp) -> Result<(), DecisionRefusal> {
        if case.id != self.case {
            return Err(DecisionRefusal::Other);
        }
        if case.status != CaseStatus::Open {
            return Err(DecisionRefusal::CaseClosed);
        }
        self.check_acts(now)
    }

    /// An order stands by itself, and is asked by itself; everything else stands on facts of the last 48 hours.
    fn check_facts(
        &self,
        footing: Footing<'_>,
        ground: Ground,
        now: Timestamp,
    ) -> Result<(), DecisionRefusal> {
        if ground == Ground::Order {
            return Ok(());
        }
        let first = self.former.first().map_or(&self.terms, |former| &former.terms);
        let verdict = assess(footing, first.measure, ground, now);
        if verdict.open { Ok(()) } else { Err(DecisionRefusal::GateClosed(Box::new(verdict))) }
    }

    /// Terms and statement from now on.
    fn continued(
        &self,
        (measure, ground, renewal): (Measure, Ground, u32),
        asked: Continuation,
        setting: &Setting<'_>,
        now: Timestamp,
    ) -> Result<(Box<Terms>, Box<Statement>), DecisionRefusal> {
        let demand = asked.demand.or_else(|| self.terms.demand.clone());
        let named = if asked.territories.is_empty() { &self.terms.territories } else { &asked.territories };
        let territories = named.clone();
        let mut terms = Terms {
            measure,
            ground,
            renewal,
            not_before: now,
            expires: now.plus(asked.lease),
            demand: demand.filter(|_| ground == Ground::Order),
            territories,
            ..self.terms.clone()
        };
        let statement = statement::continued(&self.statement, &terms, setting);
        terms.statement = statement.digest();
        let profile = setting.roster.profile();
        terms.check_statement(&statement).map_err(DecisionRefusal::Approval)?;
        admissible(&terms, &self.scope, setting.matrix, profile, setting.footprint)
            .map_err(DecisionRefusal::Approval)?;
        Ok((Box::new(terms), Box::new(statement)))
    }
}
