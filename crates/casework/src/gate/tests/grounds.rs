//! What a measure rests on where it is no emergency.

use super::*;
use crate::assess;
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
fn an_order_needs_an_authority_that_gave_one_and_the_law_heard() {
    let ordered = |answer| {
        changed(|case| {
            let to = Addressee::Jurisdiction(jurisdiction("AA"));
            case.referrals = vec![answered(1, to, answer)];
            case.findings.clear();
            case.facts.danger = None;
        })
    };
    assert_eq!(closed_on(&ordered(Answer::Order), Measure::M4, Ground::Order), [""; 0]);
    for weaker in [Answer::Request, Answer::NonObjection] {
        assert_eq!(closed_on(&ordered(weaker), Measure::M4, Ground::Order), ["E4 no-order"]);
    }
    let mut unheard = ordered(Answer::Order);
    unheard.facts.legal_review = None;
    assert_eq!(closed_on(&unheard, Measure::M4, Ground::Order), ["E7 not-recorded"]);
    assert_eq!(assess(&unheard, Measure::M4, Ground::Order, now()).lease_max(), HOUR * 24 * 90);
}
