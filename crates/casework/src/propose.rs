//! A proposal: the terms, scope and statement that officers are asked to sign.
//!
//! Everything that can refuse a measure refuses it here, before anybody signs: the gate, the floor, the
//! policy, the profile's reach, the scope's bounds. The edge asks floor, policy and reach again.

use crate::{
    Case, Decision, Earlier, EarlierRefusal, Footing, GateVerdict, NotBehind, Notice, Officer, Outcome,
    Paragraphs, Text, assess, statement, termination,
};
use policy::{
    Condition, Demand, Footprint, Ground, Matrix, Measure, Refusal, Roster, Scope, ScopeReference,
    ServiceClass, Statement, Terms, Territory, admissible, floor,
};
use std::collections::BTreeSet;
use std::time::Duration;
use vocabulary::{CaseId, DecisionId, OrderId, SiteId, Timestamp};

/// Most sentences that officers may add to a statement.
const FACTS_MAX: usize = 20;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The id that the decision will have.
    pub decision: DecisionId,
    /// The measure.
    pub measure: Measure,
    /// The class of service.
    pub class: ServiceClass,
    /// The ground.
    pub ground: Ground,
    /// How long it shall run.
    pub lease: Duration,
    /// The legal demand behind it; for the ground order, and there always.
    pub demand: Option<Demand>,
    /// Where it acts, for the ground order alone and there always.
    pub territories: BTreeSet<Territory>,
    /// The sites.
    pub scope: Scope,
    /// The statement's title, one line.
    pub title: Text,
    /// The statement's summary, a few sentences.
    pub summary: Paragraphs,
    /// Sentences to add to the statement's facts; never reporter, target or content.
    pub facts: Vec<Text>,
}

/// What the operator decides under.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The policy in force for this case.
    pub matrix: &'a Matrix,
    /// The roster in force for this case.
    pub roster: &'a Roster,
    /// How large the operator is.
    pub footprint: Footprint,
    /// Where the public record is, without a slash at the end.
    pub public_url: &'a str,
    /// Whom the public may contact.
    pub contact: &'a str,
}

/// A measure that may be signed, before its record has bytes.
#[derive(Debug, Clone)]
pub struct Proposal {
    pub(crate) case: CaseId,
    pub(crate) terms: Terms,
    pub(crate) scope: Scope,
    pub(crate) statement: Statement,
    pub(crate) verdict: GateVerdict,
    pub(crate) order: Option<OrderId>,
    pub(crate) by: Officer,
}

/// Why a proposal is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProposalRefusal {
    /// The case is closed.
    #[error("the case is closed")]
    CaseClosed,
    /// A ground that only follows another decision.
    #[error("no decision begins on the ground {0}; it follows an emergency")]
    GroundFollows(Ground),
    /// The verdict is about another case or measure.
    #[error("the verdict is about another case or measure")]
    OtherVerdict,
    /// The verdict is older than it holds.
    #[error("the verdict held until {0}; run the gate again")]
    VerdictExpired(Timestamp),
    /// The facts changed since, or the verdict is not the gate's.
    #[error("the recorded facts are no longer those of the verdict; run the gate again")]
    VerdictOutdated,
    /// The gate is closed.
    #[error("the gate is closed: {}", first_reason(.0))]
    GateClosed(Box<GateVerdict>),
    /// Longer than the gate allows.
    #[error("the lease lasts {}s; the gate allows {}h at most", .lasts.as_secs(), .max.as_secs() / 3_600)]
    LeaseOverGate {
        /// How long it would run.
        lasts: Duration,
        /// The most.
        max: Duration,
    },
    /// A site of someone else.
    #[error("{0} belongs to another customer; a linked site needs a case and a notice of its own")]
    SiteOutsideCase(SiteId),
    /// The policy asks for more.
    #[error("the policy asks for {} first, and the record does not show it", .0.as_str())]
    ConditionUnmet(Condition),
    /// Earlier provisional blocks of the customer stand against it.
    #[error(transparent)]
    Earlier(EarlierRefusal),
    /// The order does not stand behind it.
    #[error(transparent)]
    Order(NotBehind),
    /// Too many sentences.
    #[error("at most {FACTS_MAX} sentences may be added to the statement")]
    TooManyFacts,
    /// Floor, policy, reach or scope refuse.
    #[error("the terms are not admissible")]
    Inadmissible(#[source] Refusal),
}

fn first_reason(verdict: &GateVerdict) -> String {
    match verdict.reasons().next() {
        Some((condition, reason)) => format!("{condition:?}, {reason}"),
        None => "no reason".to_owned(),
    }
}

impl ProposalRefusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CaseClosed => "case-closed",
            Self::GroundFollows(_) => "ground-follows",
            Self::OtherVerdict => "other-verdict",
            Self::VerdictExpired(_) => "verdict-expired",
            Self::VerdictOutdated => "verdict-outdated",
            Self::GateClosed(_) => "gate-closed",
            Self::LeaseOverGate { .. } => "lease-over-gate",
            Self::SiteOutsideCase(_) => "site-outside-case",
            Self::ConditionUnmet(_) => "condition-unmet",
            Self::Earlier(refusal) => refusal.name(),
            Self::Order(why) => why.name(),
            Self::TooManyFacts => "too-many-facts",
            Self::Inadmissible(refusal) => refusal.name(),
        }
    }
}

/// Composes a proposal; the lease begins now. `earlier` are the provisional blocks that the customer had. On the ground
/// order it rests on the order that is given, and reaches no further.
pub fn propose<'a>(
    footing: impl Into<Footing<'a>>,
    verdict: &GateVerdict,
    request: Request,
    by: Officer,
    setting: &Setting<'_>,
    earlier: &Earlier,
    now: Timestamp,
) -> Result<Proposal, ProposalRefusal> {
    let footing = footing.into();
    let case = footing.case;
    check_request(case, &request)?;
    let begins = if request.measure == Measure::M7 { now.plus(floor::TERMINATION_NOTICE) } else { now };
    let span = (begins, begins.plus(request.lease));
    let statement = statement::compose(case, &request, setting, span, now);
    let terms = terms(&request, setting, &statement);
    terms.check_statement(&statement).map_err(ProposalRefusal::Inadmissible)?;
    let profile = setting.roster.profile();
    let admitted = admissible(&terms, &request.scope, setting.matrix, profile, setting.footprint)
        .map_err(ProposalRefusal::Inadmissible)?;
    check_verdict(footing, verdict, &request, now)?;
    let order = check_order(footing, (&terms, &request.scope), now)?;
    earlier
        .admit(case, (request.decision, request.measure, request.lease), now)
        .map_err(ProposalRefusal::Earlier)?;
    for condition in admitted.conditions() {
        check_condition((case, request.measure), *condition, earlier, now)?;
    }
    let verdict = verdict.clone();
    Ok(Proposal { case: case.id, terms, scope: request.scope, statement, verdict, order, by })
}

fn check_request(case: &Case, request: &Request) -> Result<(), ProposalRefusal> {
    case.check_open().map_err(|_| ProposalRefusal::CaseClosed)?;
    if request.facts.len() > FACTS_MAX {
        return Err(ProposalRefusal::TooManyFacts);
    }
    match request.scope.sites().iter().find(|entry| entry.account != case.account) {
        Some(other) => Err(ProposalRefusal::SiteOutsideCase(other.site)),
        None => Ok(()),
    }
}

fn terms(request: &Request, setting: &Setting<'_>, statement: &Statement) -> Terms {
    let sites = u32::try_from(request.scope.sites().len()).unwrap_or(u32::MAX);
    Terms {
        decision: request.decision,
        class: request.class,
        measure: request.measure,
        ground: request.ground,
        not_before: statement.not_before,
        expires: statement.expires,
        renewal: 0,
        scope: ScopeReference { sites, sha256: request.scope.digest() },
        statement: statement.digest(),
        roster: setting.roster.hash(),
        floor: floor::hash(),
        profile: setting.roster.profile(),
        demand: request.demand.clone(),
        territories: request.territories.clone(),
    }
}

/// The verdict is this case's, still holds, and is what the gate says of the facts as they are.
fn check_verdict(
    footing: Footing<'_>,
    verdict: &GateVerdict,
    request: &Request,
    now: Timestamp,
) -> Result<(), ProposalRefusal> {
    let case = footing.case;
    if request.ground == Ground::RatifiedEmergency {
        return Err(ProposalRefusal::GroundFollows(request.ground));
    }
    if verdict.case != case.id || verdict.measure != request.measure {
        return Err(ProposalRefusal::OtherVerdict);
    }
    if !verdict.holds_at(now) {
        return Err(ProposalRefusal::VerdictExpired(verdict.valid_until));
    }
    if assess(footing, verdict.measure, request.ground, verdict.at) != *verdict {
        return Err(ProposalRefusal::VerdictOutdated);
    }
    if !verdict.open {
        return Err(ProposalRefusal::GateClosed(Box::new(verdict.clone())));
    }
    let (lasts, max) = (request.lease, verdict.lease_max());
    if lasts > max { Err(ProposalRefusal::LeaseOverGate { lasts, max }) } else { Ok(()) }
}

/// The order that is carried out, where the ground is one; it reaches as far as terms and scope do.
fn check_order(
    footing: Footing<'_>,
    (terms, scope): (&Terms, &Scope),
    now: Timestamp,
) -> Result<Option<OrderId>, ProposalRefusal> {
    if terms.ground != Ground::Order {
        return Ok(None);
    }
    let order = footing.ordered().map_err(ProposalRefusal::Order)?;
    order.stands_behind(footing.case.id, (terms, scope), now).map_err(ProposalRefusal::Order)?;
    Ok(Some(order.id))
}

/// What a policy wants to have happened before, as far as the record can show it.
fn check_condition(
    (case, measure): (&Case, Measure),
    condition: Condition,
    earlier: &Earlier,
    now: Timestamp,
) -> Result<(), ProposalRefusal> {
    let facts = &case.facts;
    let met =
        match condition {
            Condition::Notice => facts
                .site_conduct
                .as_ref()
                .is_some_and(|recorded| matches!(recorded.fact.notice, Some(Notice::Given { .. }))),
            Condition::FailedM3 => facts.lesser_measures.as_ref().is_some_and(|recorded| {
                recorded.fact.considered.iter().any(|entry| {
                    entry.measure == Measure::M3 && matches!(entry.outcome, Outcome::Failed { .. })
                })
            }),
            Condition::Appeal => termination::was_heard(case, now),
            Condition::AppealWindow => termination::window_passed(case, now),
            Condition::ThirtyDaysNotice => {
                // The terms of a termination hold its notice themselves.
                measure == Measure::M7 || termination::told_since(case, floor::TERMINATION_NOTICE, now)
            }
            Condition::NoCaseInNinetyDays => earlier.is_quiet(case, now),
        };
    if met { Ok(()) } else { Err(ProposalRefusal::ConditionUnmet(condition)) }
}

impl Proposal {
    /// The terms: the public part of the decision's record.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Who proposes.
    pub fn by(&self) -> &Officer {
        &self.by
    }

    /// Makes the decision, given the exact bytes of the record that officers will sign: canonical JSON
    /// that carries these terms.
    pub fn into_decision(self, body: String) -> Decision {
        Decision::proposed(self, body)
    }
}
