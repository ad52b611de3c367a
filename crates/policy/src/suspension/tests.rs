use super::*;
use crate::fixtures::{HOUR, emergency, founding, key, now, terms};
use crate::{Approval, Measure, Member, Profile, ServiceClass, Thresholds};

const BODY: &[u8] = b"a record";

/// Both checks of the record that these officers sign.
fn judged(roster: &Roster, signers: &[&str]) -> [Result<(), &'static str>; 2] {
    let founding = founding();
    let approvals: Vec<Approval> = signers.iter().map(|name| key(&founding, name).approve(BODY)).collect();
    let record = Signed { body: BODY, approvals: &approvals, proposer: None };
    [may_suspend(record, roster), may_confirm(record, roster)]
        .map(|judged| judged.map_err(|refusal| refusal.name()))
}

#[test]
fn two_who_may_decide_begin_a_suspension_and_three_confirm_it() {
    let roster = founding().roster;
    let few = Err("too-few-approvals");
    for (signers, expected) in [
        (&["legal-1"][..], [few, few]),
        (&["legal-1", "assessor-1"], [Ok(()), few]),
        (&["legal-1", "assessor-1", "assessor-2"], [Ok(()), Ok(())]),
        (&["legal-1", "legal-1"], [Err("same-person-twice"); 2]),
        (&["legal-1", "reviewer-1"], [Err("role-may-not-decide"); 2]),
    ] {
        assert_eq!(judged(&roster, signers), expected, "{signers:?}");
    }
}

#[test]
fn where_a_roster_has_two_organisations_both_are_asked() {
    let trial = founding().roster;
    let seats = trial.members().iter().cloned();
    let lent = |member: Member| match member.pseudonym.as_str() {
        "legal-1" => Member { organisation: "a university".to_owned(), ..member },
        _ => member,
    };
    let asked = Thresholds { approvals: 3, roles: 2, organisations: 2 };
    let roster = Roster::new(Profile::Full, 1, now(), asked, seats.map(lent).collect()).expect("a roster");
    let one = Err("too-few-organisations");
    assert_eq!(judged(&roster, &["assessor-1", "assessor-2", "duty-officer-1"]), [one, one]);
    assert_eq!(judged(&roster, &["assessor-1", "assessor-2", "legal-1"]), [Ok(()), Ok(())]);
}

#[test]
fn orders_and_what_is_signed_after_it_go_on() {
    let later = emergency().not_before.plus(HOUR);
    assert!(is_suspended_by(&emergency(), later));
    assert!(!is_suspended_by(&emergency(), emergency().not_before), "signed at that very instant");
    let ordered = terms(Measure::M6, ServiceClass::S, Ground::Order, HOUR);
    assert!(!is_suspended_by(&ordered, later));
}
