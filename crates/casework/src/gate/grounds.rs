//! What a measure rests on where it is no emergency: an order, or a breach of the published policy.
//!
//! The same facts, the same hash and the same form of verdict as the gate's, with fewer conditions: nobody claims an
//! emergency here, so nobody's danger, no horizon and no referral to the authorities concerned is asked for. What is
//! asked for is what every measure owes: the law heard, interests declared, and for a breach of policy a finding that two
//! officers agree on, each lesser measure considered, and a customer that was told.

use super::{
    Closed, ConditionVerdict, GateCondition, GateInput, GateVerdict, Run, evidence, gate, measures, people,
};
use crate::{Answer, Case, ReferralState, clocks};
use policy::{Ground, Measure, floor};
use vocabulary::Timestamp;

/// Says whether the recorded facts carry a measure on a ground: for an emergency, confirmed or not, the gate.
pub fn assess(case: &Case, sought: Measure, ground: Ground, now: Timestamp) -> GateVerdict {
    let conditions = match ground {
        Ground::Emergency | Ground::RatifiedEmergency => return gate(case, sought, now),
        Ground::Order => ordered as fn(&Run<'_>) -> Conditions,
        Ground::Policy | Ground::TechnicalAbuse | Ground::Malware | Ground::Phishing | Ground::Payment => {
            by_policy
        }
    };
    let input = GateInput::of(case, sought);
    let run = Run { input: &input, now };
    let conditions = conditions(&run);
    let lease = floor::lease_max(sought, ground).unwrap_or_default();
    GateVerdict {
        case: case.id,
        measure: sought,
        open: conditions.iter().all(|(_, closed)| closed.is_empty()),
        conditions: conditions.into_iter().map(ConditionVerdict::from).collect(),
        counted: evidence::agreed(&run).iter().map(|finding| finding.id).collect(),
        lease_max_secs: lease.as_secs(),
        input_hash: input.hash(),
        at: now,
        valid_until: now.plus(clocks::VERDICT_HOLDS),
    }
}

type Conditions = Vec<(GateCondition, Vec<Closed>)>;

/// An authority's order, read by a legal reviewer.
fn ordered(run: &Run<'_>) -> Conditions {
    let is_order =
        |state: &ReferralState| matches!(state.answered(), Some((Answer::Order, at)) if at <= run.now);
    let has_order = run.input.referrals.iter().any(|referral| is_order(&referral.state));
    let order = if has_order { Vec::new() } else { vec![Closed::NoOrder] };
    vec![
        (GateCondition::E4, order),
        (GateCondition::E7, people::legal(run, &[])),
        (GateCondition::E8, people::interests(run, &[])),
    ]
}

/// A breach that two officers see, and a customer that was told and has not put an end to it.
fn by_policy(run: &Run<'_>) -> Conditions {
    let agreed = evidence::agreed(run);
    let found = if agreed.is_empty() { vec![Closed::NothingAgreed] } else { Vec::new() };
    let cured = evidence::cured(run, &agreed);
    vec![
        (GateCondition::E5, measures::considered(run)),
        (GateCondition::E7, [found, people::legal(run, &agreed)].concat()),
        (GateCondition::E8, people::interests(run, &agreed)),
        (GateCondition::E9, [people::notice(run), cured].concat()),
    ]
}
