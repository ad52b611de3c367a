use super::*;
use crate::fixtures::{HOUR, demand, emergency, founding, key, name};
use crate::{Founding, Measure};

const BODY: &[u8] = b"a record";

/// The signatures of these officers, with a proposer.
fn with<T>(
    founding: &Founding,
    signers: &[&str],
    proposer: &str,
    then: impl FnOnce(Signed<'_>) -> Result<T, Refusal>,
) -> Result<T, &'static str> {
    let approvals: Vec<Approval> = signers.iter().map(|name| key(founding, name).approve(BODY)).collect();
    let proposer = name(proposer);
    let record = Signed { body: BODY, approvals: &approvals, proposer: Some(&proposer) };
    then(record).map_err(|refusal| refusal.name())
}

fn made(founding: &Founding) -> Standing {
    let signers = ["assessor-1", "duty-officer-1"];
    with(founding, &signers, "duty-officer-1", |record| {
        Standing::made(record, &founding.roster, &emergency())
    })
    .expect("made")
}

fn confirmed(ground: Ground) -> Terms {
    let before = emergency();
    let demand = (ground == Ground::Order).then(demand);
    Terms {
        measure: Measure::M6,
        ground,
        not_before: before.expires.minus(HOUR),
        expires: before.expires.plus(HOUR * 24 * 13),
        demand,
        ..before
    }
}

fn ratified(signers: &[&str], proposer: &str, terms: &Terms) -> Result<Standing, &'static str> {
    let founding = founding();
    let standing = made(&founding);
    with(&founding, signers, proposer, |record| standing.ratify(record, &founding.roster, terms))
}

#[test]
fn two_who_took_no_part_ratify_with_the_reviewer_or_an_order() {
    let (reviewed, ordered) = (confirmed(Ground::RatifiedEmergency), confirmed(Ground::Order));
    let fresh = ["assessor-2", "legal-1"];
    let three = ["assessor-2", "legal-1", "reviewer-1"];
    assert_eq!(ratified(&three, "legal-1", &reviewed).expect("ratified").terms(), &reviewed);
    assert!(ratified(&fresh, "legal-1", &ordered).is_ok());
    for (signers, proposer, terms, expected) in [
        (&fresh[..], "legal-1", &reviewed, "reviewer-missing"),
        (&["assessor-2", "assessor-1", "legal-1", "reviewer-1"], "legal-1", &reviewed, "took-part"),
        (&three, "duty-officer-1", &reviewed, "took-part"),
        (&["legal-1", "reviewer-1"], "legal-1", &reviewed, "too-few-approvals"),
        (&["assessor-2", "duty-officer-1"], "legal-1", &ordered, "took-part"),
        (&["assessor-2", "legal-1", "intake-1"], "legal-1", &ordered, "role-may-not-decide"),
    ] {
        assert_eq!(ratified(signers, proposer, terms).err(), Some(expected), "{signers:?}");
    }
}

#[test]
fn terms_that_do_not_continue_the_decision_are_refused() {
    let good = confirmed(Ground::Order);
    let fresh = ["assessor-2", "legal-1"];
    type Change = fn(&mut Terms);
    let cases: [(&str, Change); 6] = [
        ("does-not-continue", |terms| terms.scope.sites += 1),
        ("does-not-continue", |terms| terms.not_before = terms.not_before.plus(HOUR * 2)),
        ("does-not-continue", |terms| terms.decision = vocabulary::DecisionId::from_bytes([9; 16])),
        ("not-a-ratification", |terms| terms.measure = Measure::M5),
        ("not-a-ratification", |terms| terms.ground = Ground::Emergency),
        ("not-a-ratification", |terms| terms.renewal = 1),
    ];
    for (expected, change) in cases {
        let mut terms = good.clone();
        change(&mut terms);
        assert_eq!(ratified(&fresh, "legal-1", &terms).err(), Some(expected));
    }
}

#[test]
fn a_confirmed_measure_is_renewed_number_by_number() {
    let (founding, terms) = (founding(), confirmed(Ground::RatifiedEmergency));
    let three = ["assessor-2", "legal-1", "reviewer-1"];
    let standing = ratified(&three, "legal-1", &terms).expect("ratified");
    let next =
        Terms { renewal: 1, not_before: terms.expires, expires: terms.expires.plus(HOUR), ..terms.clone() };
    let renew = |terms: &Terms| {
        with(&founding, &["assessor-1", "legal-1"], "legal-1", |record| {
            standing.clone().renew(record, &founding.roster, terms)
        })
    };
    assert!(renew(&next).is_ok());
    for change in [Terms { renewal: 2, ..next.clone() }, Terms { ground: Ground::Order, ..next.clone() }] {
        assert_eq!(renew(&change).err(), Some("not-a-renewal"));
    }
}

#[test]
fn two_people_lift_and_one_does_not() {
    let founding = founding();
    let lift = |signers: &[&str]| {
        with(&founding, signers, "legal-1", |record| made(&founding).lift(record, &founding.roster)).err()
    };
    assert_eq!(lift(&["legal-1", "assessor-1"]), None);
    assert_eq!(lift(&["assessor-1", "assessor-2"]), None);
    assert_eq!(lift(&["legal-1"]), Some("too-few-approvals"));
    assert_eq!(lift(&["legal-1", "legal-1"]), Some("too-few-approvals"));
    assert_eq!(lift(&["legal-1", "intake-1"]), Some("role-may-not-decide"));
}

#[test]
fn only_a_reviewer_who_took_no_part_reverses() {
    let founding = founding();
    let reverse = |standing: &Standing, signers: &[&str]| {
        with(&founding, signers, "reviewer-1", |record| standing.reverse(record, &founding.roster)).err()
    };
    let fresh = made(&founding);
    assert_eq!(reverse(&fresh, &["reviewer-1"]), None);
    assert_eq!(reverse(&fresh, &["legal-1"]), Some("reviewer-missing"));
    assert_eq!(reverse(&fresh, &[]), Some("reviewer-missing"));
    let terms = confirmed(Ground::RatifiedEmergency);
    let own = ratified(&["assessor-2", "legal-1", "reviewer-1"], "legal-1", &terms).expect("ratified");
    assert_eq!(reverse(&own, &["reviewer-1"]), Some("took-part"));
}
