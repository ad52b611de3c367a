//! A decision and its lease: proposed → approving → logged → published → in force → lapsed, or ended →
//! final where it was lifted or overturned; or expired, when its lease ran out before it was logged. A
//! ratification or renewal leads from in force to logged again, under new terms.
//!
//! Each state holds what is known in it, each transition consumes the state it leaves. Signing and
//! logging run the gate again on the facts as they are. Without a record that follows, a lease ends by
//! itself.

mod following;
mod state;
#[cfg(test)]
pub(crate) mod tests;

use crate::{
    Case, CaseStatus, Earlier, EarlierRefusal, Footing, GateVerdict, NotBehind, Officer, Proposal,
    RatificationRefusal, assess, clocks,
};
use policy::{Approval, Approved, Ground, Refusal, Roster, Scope, Statement, Terms};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use vocabulary::{AppealId, CaseId, DecisionId, OrderId, Timestamp};

pub use following::{Continuation, FollowUp, Pending};
pub use state::{DecisionState, EdgeReceipt, Ending, Logged, Published};

/// Most receipts kept with one decision.
const RECEIPTS_MAX: usize = 1_000;

/// A decision with everything that its bundle is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Which decision.
    pub id: DecisionId,
    /// Of which case.
    pub case: CaseId,
    /// Who proposed it.
    pub proposed_by: Officer,
    /// What is decided.
    pub terms: Terms,
    /// On which sites.
    pub scope: Scope,
    /// Why, for the public.
    pub statement: Statement,
    /// The exact bytes that officers sign.
    pub body: String,
    /// What the gate said when it was proposed.
    pub verdict: GateVerdict,
    /// The order that it carries out, on the ground order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// How far it is.
    pub state: DecisionState,
    /// The records before the present one, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Former>,
    /// The record that shall follow, being signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

/// A record of the decision that another one followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Former {
    /// Who proposed it.
    pub proposed_by: Officer,
    /// Its terms.
    pub terms: Terms,
    /// Its statement.
    pub statement: Statement,
    /// The exact bytes that were signed.
    pub body: String,
    /// Who signed.
    pub approvals: Vec<Approval>,
    /// The order that it carried out, on the ground order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// Where it is logged.
    pub logged: Logged,
}

/// Proof that a decision may be handed to the log: enough approvals, a gate still open, a lease still running.
#[derive(Debug, Clone)]
pub struct Ready {
    approvals: Vec<Approval>,
    approved: Approved,
}

/// Why a transition of a decision is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionRefusal {
    /// Not in this state.
    #[error("a decision that is {is} cannot be {wanted}")]
    WrongState {
        /// Its state.
        is: &'static str,
        /// What was asked.
        wanted: &'static str,
    },
    /// Another case's or decision's.
    #[error("this belongs to another case or decision")]
    Other,
    /// The case was closed meanwhile.
    #[error("the case is closed")]
    CaseClosed,
    /// The lease has ended.
    #[error("the lease ended on {0}")]
    LeaseOver(Timestamp),
    /// The lease has not ended.
    #[error("the lease runs until {0}")]
    LeaseRuns(Timestamp),
    /// The facts no longer carry it.
    #[error("the gate, run again, is closed")]
    GateClosed(Box<GateVerdict>),
    /// The facts carry only a shorter lease.
    #[error("the gate, run again, allows a lease of {}h at most", .max.as_secs() / 3_600)]
    LeaseOverGate {
        /// The most.
        max: Duration,
    },
    /// Earlier provisional blocks of the customer stand against it.
    #[error(transparent)]
    Earlier(EarlierRefusal),
    /// The order does not stand behind it.
    #[error(transparent)]
    Order(NotBehind),
    /// The signer has not declared its interests.
    #[error("{0} has not declared its interests in this case within 48 h")]
    NotDeclared(Officer),
    /// The signer declared a conflict.
    #[error("{0} declared a conflict of interest in this case")]
    Conflicted(Officer),
    /// Who or what ratifies is refused.
    #[error(transparent)]
    Ratification(RatificationRefusal),
    /// Another record waits for signatures.
    #[error("another record that would follow this decision waits for signatures")]
    FollowUpOpen,
    /// The record that would follow is on its way into the log.
    #[error("a record that follows this decision is on its way into the log; ask again in a few seconds")]
    FollowUpHandedIn,
    /// Not signed in time.
    #[error("this record was not signed in time; put it up again")]
    FollowUpOver,
    /// No record waits for signatures.
    #[error("no record that would follow this decision waits for signatures")]
    NothingPending,
    /// No such ruling.
    #[error("the appeal {0} has not been decided so that this decision is overturned")]
    NotOverturned(AppealId),
    /// The approval, or the approvals together, are refused.
    #[error("the approval is refused")]
    Approval(#[source] Refusal),
}

impl DecisionRefusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WrongState { .. } => "decision-in-wrong-state",
            Self::Other => "other-decision",
            Self::CaseClosed => "case-closed",
            Self::LeaseOver(_) => "lease-over",
            Self::LeaseRuns(_) => "lease-runs",
            Self::GateClosed(_) => "gate-closed",
            Self::LeaseOverGate { .. } => "lease-over-gate",
            Self::Earlier(refusal) => refusal.name(),
            Self::Order(why) => why.name(),
            Self::NotDeclared(_) => "not-declared",
            Self::Conflicted(_) => "conflicted",
            Self::Ratification(refusal) => refusal.name(),
            Self::FollowUpOpen => "follow-up-open",
            Self::FollowUpHandedIn => "follow-up-handed-in",
            Self::FollowUpOver => "follow-up-over",
            Self::NothingPending => "nothing-pending",
            Self::NotOverturned(_) => "not-overturned",
            Self::Approval(refusal) => refusal.name(),
        }
    }
}

impl Decision {
    pub(crate) fn proposed(proposal: Proposal, body: String) -> Self {
        let Proposal { case, terms, scope, statement, verdict, order, by } = proposal;
        let id = terms.decision;
        Self {
            id,
            case,
            proposed_by: by,
            terms,
            scope,
            statement,
            body,
            verdict,
            order,
            state: DecisionState::Proposed,
            former: Vec::new(),
            pending: None,
        }
    }

    /// Adds an officer's approval. Runs the gate again; asks for the officer's declaration of interests,
    /// and that no other provisional block of the customer came in between.
    pub fn approve<'a>(
        mut self,
        approval: Approval,
        footing: impl Into<Footing<'a>>,
        roster: &Roster,
        earlier: &Earlier,
        now: Timestamp,
    ) -> Result<Self, DecisionRefusal> {
        let footing = footing.into();
        let case = footing.case;
        let mut approvals = match self.state {
            DecisionState::Proposed => Vec::new(),
            DecisionState::Approving { ref approvals } => approvals.clone(),
            _ => return Err(self.refuse("approved")),
        };
        let member =
            policy::examine(self.body.as_bytes(), &approval, roster).map_err(DecisionRefusal::Approval)?;
        check_interests(case, Officer { role: member.role, pseudonym: member.pseudonym.clone() }, now)?;
        self.check_gate(footing, now)?;
        self.check_earlier(case, earlier, now)?;
        approvals.push(approval);
        match policy::approve(self.body.as_bytes(), &approvals, roster, &self.terms) {
            Ok(_)
            | Err(
                Refusal::TooFewApprovals { .. }
                | Refusal::TooFewRoles { .. }
                | Refusal::TooFewOrganisations { .. },
            ) => {}
            Err(refusal) => return Err(DecisionRefusal::Approval(refusal)),
        }
        self.state = DecisionState::Approving { approvals };
        Ok(self)
    }

    /// Whether the decision may be logged now.
    pub fn ready<'a>(
        &self,
        footing: impl Into<Footing<'a>>,
        roster: &Roster,
        earlier: &Earlier,
        now: Timestamp,
    ) -> Result<Ready, DecisionRefusal> {
        let footing = footing.into();
        let DecisionState::Approving { approvals } = &self.state else {
            return Err(self.refuse("logged"));
        };
        let approved = policy::approve(self.body.as_bytes(), approvals, roster, &self.terms)
            .map_err(DecisionRefusal::Approval)?;
        self.check_gate(footing, now)?;
        self.check_earlier(footing.case, earlier, now)?;
        Ok(Ready { approvals: approvals.clone(), approved })
    }

    /// The decision was found in the log. The log's receipt is enough, no gate is asked and no lease:
    /// what is public and may act already has happened, whatever the facts have become since. [`ready`]
    /// is asked before the entry is handed in; between that and this call the process may have died, the
    /// gate may have closed and the lease may have ended.
    ///
    /// [`ready`]: Self::ready
    pub fn log_found(mut self, logged: Logged) -> Result<Self, DecisionRefusal> {
        self.state = match self.state {
            DecisionState::Approving { approvals } => DecisionState::Logged { approvals, logged },
            _ => return Err(self.refuse("logged")),
        };
        Ok(self)
    }

    /// Statement and bundle are out.
    pub fn publish(mut self, published: Published) -> Result<Self, DecisionRefusal> {
        self.state = match self.state {
            DecisionState::Logged { approvals, logged } => {
                DecisionState::Published { approvals, logged, published }
            }
            _ => return Err(self.refuse("published")),
        };
        Ok(self)
    }

    /// An edge enforces it; the first such receipt puts it in force.
    pub fn enforce(mut self, receipt: EdgeReceipt) -> Result<Self, DecisionRefusal> {
        self.state = match self.state {
            DecisionState::Published { approvals, logged, published } => {
                DecisionState::InForce { approvals, logged, published, receipts: vec![receipt] }
            }
            DecisionState::InForce { approvals, logged, published, mut receipts } => {
                let known = receipts.iter().any(|other| other.edge == receipt.edge);
                if !known && receipts.len() < RECEIPTS_MAX {
                    receipts.push(receipt);
                }
                DecisionState::InForce { approvals, logged, published, receipts }
            }
            _ => return Err(self.refuse("in force")),
        };
        Ok(self)
    }

    /// The lease of a logged decision ended by itself, and that is logged.
    pub fn lapse(mut self, lapse: Logged, now: Timestamp) -> Result<Self, DecisionRefusal> {
        if now < self.terms.expires {
            return Err(DecisionRefusal::LeaseRuns(self.terms.expires));
        }
        let (approvals, logged, published, receipts) = match self.state {
            DecisionState::Logged { approvals, logged } => (approvals, logged, None, Vec::new()),
            DecisionState::Published { approvals, logged, published } => {
                (approvals, logged, Some(published), Vec::new())
            }
            DecisionState::InForce { approvals, logged, published, receipts } => {
                (approvals, logged, Some(published), receipts)
            }
            _ => return Err(self.refuse("lapsed")),
        };
        self.pending = None;
        self.state = DecisionState::Lapsed { approvals, logged, published, receipts, lapse };
        Ok(self)
    }

    /// The lease of a measure that ended before its time is over too: no edge has to be told any more.
    pub fn finish(mut self, now: Timestamp) -> Result<Self, DecisionRefusal> {
        if now < self.terms.expires {
            return Err(DecisionRefusal::LeaseRuns(self.terms.expires));
        }
        self.state = match self.state {
            DecisionState::Ended { approvals, logged, published, receipts, ending } => {
                DecisionState::Final { approvals, logged, published, receipts, ending }
            }
            _ => return Err(self.refuse("final")),
        };
        Ok(self)
    }

    /// The terms that it began with: those of the provisional measure, where it was ratified since.
    pub fn first_terms(&self) -> &Terms {
        self.former.first().map_or(&self.terms, |former| &former.terms)
    }

    /// When the measure stops acting: at the end of its lease, or before.
    pub fn ends(&self) -> Timestamp {
        self.state.ending().map_or(self.terms.expires, |ending| ending.effective.min(self.terms.expires))
    }

    /// The lease ended before the decision was logged.
    pub fn expire(mut self, now: Timestamp) -> Result<Self, DecisionRefusal> {
        if now < self.terms.expires {
            return Err(DecisionRefusal::LeaseRuns(self.terms.expires));
        }
        let approvals = match self.state {
            DecisionState::Proposed => Vec::new(),
            DecisionState::Approving { approvals } => approvals,
            _ => return Err(self.refuse("expired")),
        };
        self.state = DecisionState::Expired { approvals, at: now };
        Ok(self)
    }

    fn check_gate(&self, footing: Footing<'_>, now: Timestamp) -> Result<(), DecisionRefusal> {
        let case = footing.case;
        if case.id != self.case {
            return Err(DecisionRefusal::Other);
        }
        if case.status != CaseStatus::Open {
            return Err(DecisionRefusal::CaseClosed);
        }
        if now >= self.terms.expires {
            return Err(DecisionRefusal::LeaseOver(self.terms.expires));
        }
        let verdict = assess(footing, self.terms.measure, self.terms.ground, now);
        let max = verdict.lease_max();
        if !verdict.open {
            return Err(DecisionRefusal::GateClosed(Box::new(verdict)));
        }
        if self.terms.expires.since(self.terms.not_before) > max {
            return Err(DecisionRefusal::LeaseOverGate { max });
        }
        self.check_order(footing, (self.order, &self.terms), now)
    }

    /// On the ground order: the order that a record of it names stands, and reaches as far as its terms and the scope.
    fn check_order(
        &self,
        footing: Footing<'_>,
        (order, terms): (Option<OrderId>, &Terms),
        now: Timestamp,
    ) -> Result<(), DecisionRefusal> {
        if terms.ground != Ground::Order {
            return Ok(());
        }
        let order = footing.named(order).map_err(DecisionRefusal::Order)?;
        order.stands_behind(footing.case.id, (terms, &self.scope), now).map_err(DecisionRefusal::Order)
    }

    fn check_earlier(&self, case: &Case, earlier: &Earlier, now: Timestamp) -> Result<(), DecisionRefusal> {
        let lease = self.terms.expires.since(self.terms.not_before);
        earlier.admit(case, (self.id, self.terms.measure, lease), now).map_err(DecisionRefusal::Earlier)
    }

    fn refuse(&self, wanted: &'static str) -> DecisionRefusal {
        DecisionRefusal::WrongState { is: self.state.name(), wanted }
    }
}

/// E8 for those who sign: declared within 48 hours, without a conflict.
fn check_interests(case: &Case, signer: Officer, now: Timestamp) -> Result<(), DecisionRefusal> {
    let mut declarations = case.facts.declarations.iter();
    let own = declarations.find(|declaration| declaration.by.pseudonym == signer.pseudonym);
    match own {
        Some(own) if own.fact.conflict.is_some() => Err(DecisionRefusal::Conflicted(signer)),
        Some(own) if own.at <= now && own.at.plus(clocks::FACT_AGE_MAX) >= now => Ok(()),
        _ => Err(DecisionRefusal::NotDeclared(signer)),
    }
}

impl Ready {
    /// The approvals that go into the entry.
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// The policy's proof that they suffice.
    pub fn approved(&self) -> &Approved {
        &self.approved
    }
}
