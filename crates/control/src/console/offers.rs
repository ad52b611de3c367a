//! Which acts are offered where on a case's page: what the states of its parts leave open.
//!
//! An offer is no permission: the form asks the API, which decides.

use super::acts::address;
use crate::pages::cases::{ActLink, SectionActs};
use casework::{
    Appeal, AppealState, Case, CaseStatus, Decision, DecisionState, Finding, GateCondition, Order,
    OrderState, Ratings, Referral, ReferralState,
};

type Offer = (&'static str, &'static str);

fn links(case: &str, of: Option<&str>, offers: &[Offer]) -> Vec<ActLink> {
    let link = |(act, label): &Offer| ActLink { href: address(act, Some(case), of), label };
    offers.iter().map(link).collect()
}

/// What is open to the case as a whole.
pub(super) fn of_case(case: &Case) -> SectionActs {
    let id = case.id.to_string();
    let all = |offers: &[Offer]| links(&id, None, offers);
    let appeals = all(&[("file-appeal", "File an appeal")]);
    if case.status != CaseStatus::Open {
        return SectionActs { appeals, ..SectionActs::default() };
    }
    SectionActs {
        case: all(&[
            ("compare", "Compare with an earlier decision"),
            ("link", "Note a linked site"),
            ("confirm-link", "Confirm a linked site"),
            ("close-case", "Close the case"),
        ]),
        evidence: all(&[("seal-evidence", "Seal a piece of evidence")]),
        findings: all(&[("add-finding", "Add a finding"), ("forward", "Forward items to the customer (M0)")]),
        referrals: all(&[("refer", "Refer it to an authority")]),
        decisions: all(&[("propose", "Preview and propose a measure")]),
        appeals,
    }
}

/// What can be recorded for a condition.
pub(super) fn of_condition(case: &Case, condition: GateCondition) -> Vec<ActLink> {
    let offers: &[Offer] = match condition {
        GateCondition::E1 => &[("add-finding", "Add a finding")],
        GateCondition::E2 => &[("danger", "Record it")],
        GateCondition::E3 => &[("nexus", "Record it")],
        GateCondition::E4 => &[("concerned", "Record who is concerned"), ("refer", "Refer it")],
        GateCondition::E5 => &[("lesser-measures", "Record it")],
        GateCondition::E6 => &[("safety", "Record it")],
        GateCondition::E7 => &[("legal-review", "Record the legal conclusion")],
        GateCondition::E8 => &[("declaration", "Declare your own")],
        GateCondition::E9 => &[("site-conduct", "Record it")],
    };
    if case.status == CaseStatus::Open { links(&case.id.to_string(), None, offers) } else { Vec::new() }
}

/// A finding that lacks a rating can be rated.
pub(super) fn of_finding(case: &Case, finding: &Finding) -> Vec<ActLink> {
    match finding.ratings {
        Ratings::Opened { .. } => Vec::new(),
        Ratings::Awaited | Ratings::Sealed(_) => {
            links(&case.id.to_string(), Some(&finding.id.to_string()), &[("rate", "Rate it")])
        }
    }
}

/// Every file can be read, whatever became of its case.
pub(super) fn of_evidence(case: &str, evidence: &str) -> Vec<ActLink> {
    links(case, Some(evidence), &[("read-evidence", "Read it")])
}

pub(super) fn of_referral(case: &Case, referral: &Referral) -> Vec<ActLink> {
    const SENDING: [Offer; 4] = [
        ("pass-referral", "Pass to the desk"),
        ("send-referral", "Note an attempt"),
        ("mail-referral", "Send by mail"),
        ("deliver-referral", "Note a delivery"),
    ];
    const ANSWERING: [Offer; 5] = [
        ("acknowledge-referral", "Acknowledged"),
        ("answer-referral", "Answered"),
        ("silent-referral", "Silent"),
        ("receive-order", "Take an order in"),
        ("call-back-referral", "Take a call back over"),
    ];
    let offers: Vec<Offer> = match &referral.state {
        ReferralState::Drafted { .. } | ReferralState::Closed { .. } => Vec::new(),
        ReferralState::Sealed { .. } => SENDING[..3].to_vec(),
        ReferralState::Sent { .. } => SENDING.to_vec(),
        _ => SENDING.into_iter().chain(ANSWERING).collect(),
    };
    links(&case.id.to_string(), Some(&referral.id.to_string()), &offers)
}

pub(super) fn of_order(case: &Case, order: &Order) -> Vec<ActLink> {
    match order.state {
        OrderState::Refused { .. } | OrderState::Withdrawn { .. } => Vec::new(),
        _ => links(&case.id.to_string(), Some(&order.id.to_string()), &[("order-step", "Move it on")]),
    }
}

pub(super) fn of_decision(decision: &Decision) -> Vec<ActLink> {
    let offers: &[Offer] = match (&decision.state, decision.pending.is_some()) {
        (DecisionState::Proposed | DecisionState::Approving { .. }, _) => &[("sign", "Sign")],
        (DecisionState::InForce { .. }, true) => &[
            ("sign", "Sign what follows"),
            ("withdraw-record", "Take away what follows"),
            ("lift", "Lift it early"),
            ("reverse", "Put a reversal up"),
        ],
        (DecisionState::InForce { .. }, false) => &[
            ("ratify", "Ratify"),
            ("renew", "Renew"),
            ("lift", "Lift it early"),
            ("reverse", "Put a reversal up"),
        ],
        _ => &[],
    };
    links(&decision.case.to_string(), Some(&decision.id.to_string()), offers)
}

pub(super) fn of_appeal(case: &Case, appeal: &Appeal) -> Vec<ActLink> {
    let offers: &[Offer] = match appeal.state {
        AppealState::Inadmissible { .. } | AppealState::Notified { .. } => &[],
        AppealState::Decided { .. } => &[("appeal-step", "Move it on")],
        _ => &[("appeal-step", "Move it on"), ("reviewer-pass", "Pass for the reviewer")],
    };
    links(&case.id.to_string(), Some(&appeal.id.to_string()), offers)
}
