//! What a measure rests on where it is no emergency: an order, or a breach of the published policy.
//!
//! The same facts, the same hash and the same form of verdict as the gate's, with fewer conditions: nobody claims an
//! emergency here, so nobody's danger, no horizon and no referral to the authorities concerned is asked for. What is
//! asked for is what every measure owes: the law heard, interests declared, and for a breach of policy a finding that two
//! officers agree on, each lesser measure considered, and a customer that was told.

use super::{
    Closed, ConditionVerdict, GateCondition, GateInput, GateVerdict, Run, evidence, gate, measures, people,
};
use crate::{Footing, NotBehind, clocks};
use policy::{Ground, Measure, floor};
use vocabulary::Timestamp;

/// Says whether the recorded facts carry a measure on a ground: for an emergency, confirmed or not, the gate. On the
/// ground order the order itself is asked, as it is now; how far it reaches is asked of terms and scope
/// ([`Order::stands_behind`](crate::Order::stands_behind)).
pub fn assess<'a>(
    footing: impl Into<Footing<'a>>,
    sought: Measure,
    ground: Ground,
    now: Timestamp,
) -> GateVerdict {
    let footing = footing.into();
    let case = footing.case;
    let (input, order) = match ground {
        Ground::Emergency | Ground::RatifiedEmergency => return gate(case, sought, now),
        Ground::Order => (GateInput::with_order(footing, sought), Some(no_order(footing, now))),
        Ground::Policy | Ground::TechnicalAbuse | Ground::Malware | Ground::Phishing | Ground::Payment => {
            (GateInput::of(case, sought), None)
        }
    };
    let run = Run { input: &input, now };
    let conditions = match order {
        Some(missing) => ordered(&run, missing),
        None => by_policy(&run, ground),
    };
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

/// What an order that stands behind nothing closes.
fn no_order(footing: Footing<'_>, now: Timestamp) -> Vec<Closed> {
    let stands = footing.ordered().and_then(|order| order.stands(footing.case.id, now));
    match stands {
        Ok(_) => Vec::new(),
        Err(NotBehind::Unnamed) => vec![Closed::NoOrder],
        Err(why) => vec![Closed::OrderGone { why: why.to_string() }],
    }
}

/// An authority's order, read by a legal reviewer.
fn ordered(run: &Run<'_>, missing: Vec<Closed>) -> Conditions {
    vec![
        (GateCondition::E4, missing),
        (GateCondition::E7, people::legal(run, &[])),
        (GateCondition::E8, people::interests(run, &[])),
    ]
}

/// A breach that two officers see, and a customer that was told, had its hour and has not put an end to it.
fn by_policy(run: &Run<'_>, ground: Ground) -> Conditions {
    let agreed = evidence::agreed(run);
    let found = if agreed.is_empty() { vec![Closed::NothingAgreed] } else { Vec::new() };
    let cured = evidence::cured(run, &agreed);
    vec![
        (GateCondition::E5, measures::considered(run)),
        (GateCondition::E7, [found, people::legal(run, &agreed)].concat()),
        (GateCondition::E8, people::interests(run, &agreed)),
        (GateCondition::E9, [people::notice(run, ground), cured].concat()),
    ]
}
