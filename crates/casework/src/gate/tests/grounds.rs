//! What a measure rests on where it is no emergency.

use super::*;
use crate::{Demanded, Order, RefusedBecause, assess};
use policy::Ground;

/// What closes a measure on a ground, as `E4 no-order`.
fn closed_on(case: &Case, sought: Measure, ground: Ground) -> Vec<String> {
    let verdict = assess(case, sought, ground, now());
    assert_eq!(verdict.open, verdict.reasons().next().is_none());
    verdict.reasons().map(|(condition, reason)| format!("{condition:?} {}", reason.name())).collect()
}

#[test]
fn an_emergency_confirmed_or_not_is_the_gates() {
    for ground in [Ground::Emergency, Ground::RatifiedEmergency] {
        assert_eq!(assess(&open_case(), Measure::M5, ground, now()), gate(&open_case(), Measure::M5, now()));
    }
}

#[test]
fn a_breach_of_policy_needs_no_danger_and_no_referral() {
    let case = changed(|case| {
        case.referrals.clear();
        case.facts.danger = None;
        case.facts.nexus = None;
        case.facts.concerned = None;
        case.facts.safety = None;
        case.findings.truncate(1);
        case.findings[0].posted_at = PostedAt::Unknown;
        case.findings[0].author = None;
    });
    for (measure, ground) in [(Measure::M2, Ground::Policy), (Measure::M3, Ground::Malware)] {
        assert_eq!(closed_on(&case, measure, ground), [""; 0], "{measure} {ground}");
    }
    assert_eq!(assess(&case, Measure::M3, Ground::Policy, now()).lease_max(), HOUR * 24 * 14);
}

#[test]
fn a_breach_of_policy_is_closed_by_each_thing_it_owes() {
    type Change = fn(&mut Case);
    let rows: [(Change, &str); 7] = [
        (|case| case.findings.clear(), "E7 nothing-agreed"),
        (
            |case| {
                for finding in &mut case.findings {
                    finding.source = Source::E;
                }
            },
            "E7 nothing-agreed",
        ),
        (
            |case| {
                for finding in &mut case.findings {
                    let second = rating(assessor(2), Credibility::NotCredible);
                    finding.ratings =
                        Ratings::Opened { first: rating(assessor(1), Credibility::Credible), second };
                }
            },
            "E7 nothing-agreed",
        ),
        (|case| case.facts.legal_review = None, "E7 not-recorded"),
        (|case| case.facts.lesser_measures = None, "E5 not-recorded"),
        (|case| case.facts.site_conduct = None, "E9 not-recorded"),
        (
            |case| {
                for item in &mut case.facts.site_conduct.as_mut().expect("recorded").fact.items {
                    item.outcome = ItemOutcome::Removed { at: ago(HOUR) };
                }
            },
            "E9 removed-promptly",
        ),
    ];
    for (change, expected) in rows {
        let closed = closed_on(&changed(change), Measure::M3, Ground::Policy);
        assert!(closed.iter().any(|reason| reason == expected), "{expected}: {closed:?}");
    }
}

#[test]
fn an_order_is_asked_itself_and_the_law_heard() {
    let mut case = changed(|case| {
        case.findings.clear();
        case.facts.danger = None;
    });
    let order = valid(&demanded(Measure::M4, &["board.test"]));
    let closed_by = |case: &Case, order: Option<&Order>| {
        let verdict = assess((case, order), Measure::M4, Ground::Order, now());
        let name = |(condition, reason): (_, &Closed)| format!("{condition:?} {}", reason.name());
        verdict.reasons().map(name).collect::<Vec<_>>()
    };
    assert_eq!(closed_by(&case, Some(&order)), [""; 0]);
    // What the referral says of itself is no order.
    case.referrals = vec![answered(1, Addressee::Jurisdiction(jurisdiction("AA")), Answer::Order)];
    assert_eq!(closed_by(&case, None), ["E4 no-order"]);
    let by = || (legal(), now());
    let other = Order { answers: Some((CaseId::from_bytes([9; 16]), referral_id(1))), ..order.clone() };
    let refused = |order: Order| {
        order.refuse(RefusedBecause::Immunity, text("an envoy"), by().0, by().1).expect("refused")
    };
    let gone = [
        received(&demanded(Measure::M4, &["board.test"])),
        authentic(&demanded(Measure::M4, &["board.test"])),
        refused(order.clone()),
        order.clone().withdraw(legal(), now()).expect("withdrawn"),
        valid(&Demanded { until: now(), ..demanded(Measure::M4, &["board.test"]) }),
        other,
    ];
    for gone in gone {
        assert_eq!(closed_by(&case, Some(&gone)), ["E4 order-gone"], "{}", gone.state.name());
    }
    case.facts.legal_review = None;
    assert_eq!(closed_by(&case, Some(&order)), ["E7 not-recorded"]);
    assert_eq!(assess(&case, Measure::M4, Ground::Order, now()).lease_max(), HOUR * 24 * 90);
    let (with, without) = [Some(&order), None]
        .map(|order| assess((&case, order), Measure::M4, Ground::Order, now()).input_hash)
        .into();
    assert_ne!(with, without, "the verdict says which order it read");
}

#[test]
fn a_block_by_policy_waits_until_the_customer_had_its_hour() {
    let told = |since: Duration| {
        changed(|case| {
            let conduct = &mut case.facts.site_conduct.as_mut().expect("recorded").fact;
            let items = vec![finding_id(1), finding_id(2)];
            conduct.notice = Some(Notice::Given { at: ago(since), items, reply: None });
            case.facts
                .lesser_measures
                .as_mut()
                .expect("recorded")
                .fact
                .considered
                .push(would_not_do(Measure::M5));
        })
    };
    let just = told(MINUTE * 59);
    for (measure, ground, waits) in [
        (Measure::M6, Ground::Policy, true),
        (Measure::M5, Ground::Policy, true),
        (Measure::M6, Ground::Malware, true),
        (Measure::M3, Ground::Policy, true),
        (Measure::M3, Ground::Phishing, false),
        (Measure::M1, Ground::Policy, false),
        (Measure::M2, Ground::Policy, false),
    ] {
        let expected = if waits { vec!["E9 hearing-runs"] } else { Vec::new() };
        assert_eq!(closed_on(&just, measure, ground), expected, "{measure} {ground}");
        assert_eq!(closed_on(&told(HOUR), measure, ground), [""; 0], "{measure} {ground} after the hour");
    }
}
