use super::*;
use crate::fixtures::{emergency, founding, key, name, now, stranger};
use crate::{Founding, OfficerKey, Profile, Thresholds};
use vocabulary::{SeededRandom, canonical};

const BODY: &[u8] = br#"{"format":"wardmote-entry/1","public":{"measure":"M5"}}"#;

fn signed(founding: &Founding, pseudonyms: &[&str]) -> Vec<Approval> {
    pseudonyms.iter().map(|pseudonym| key(founding, pseudonym).approve(BODY)).collect()
}

fn reason(approvals: &[Approval]) -> &'static str {
    approve(BODY, approvals, &founding().roster, &emergency()).expect_err("refused").name()
}

#[test]
fn two_people_in_two_roles_suffice() {
    let founding = founding();
    for pair in [["assessor-1", "legal-1"], ["assessor-2", "duty-officer-1"], ["legal-1", "duty-officer-1"]] {
        let approved = approve(BODY, &signed(&founding, &pair), &founding.roster, &emergency());
        assert_eq!(approved.expect("approved").roles().len(), 2, "{pair:?}");
    }
    let three = signed(&founding, &["assessor-1", "assessor-2", "legal-1"]);
    assert!(approve(BODY, &three, &founding.roster, &emergency()).is_ok());
}

#[test]
fn too_few_or_the_wrong_people_are_refused() {
    let founding = founding();
    for (pseudonyms, expected) in [
        (&[][..], "too-few-approvals"),
        (&["assessor-1"], "too-few-approvals"),
        (&["assessor-1", "assessor-1"], "same-key-twice"),
        (&["assessor-1", "assessor-2"], "too-few-roles"),
        (&["assessor-1", "reviewer-1"], "role-may-not-decide"),
        (&["assessor-1", "intake-1"], "role-may-not-decide"),
        (&["assessor-1", "authority-liaison-1"], "role-may-not-decide"),
        (&["assessor-1", "legal-1", "intake-1"], "role-may-not-decide"),
    ] {
        assert_eq!(reason(&signed(&founding, pseudonyms)), expected, "{pseudonyms:?}");
    }
}

#[test]
fn one_officer_signing_twice_with_a_fresh_signature_is_still_one() {
    // Ed25519 is deterministic; a second signature by the same key over the same bytes is the same.
    let founding = founding();
    let first = key(&founding, "legal-1").approve(BODY);
    assert_eq!(reason(&[first.clone(), first]), "same-key-twice");
}

#[test]
fn one_person_with_two_keys_counts_once() {
    let founding = founding();
    let second = OfficerKey::generate(&SeededRandom::new(77), name("legal-1"), Role::Legal);
    let mut members = founding.roster.members().to_vec();
    let mut again = members.iter().find(|member| member.role == Role::Legal).expect("legal").clone();
    again.key = second.public();
    members.push(again);
    let roster = Roster::new(Profile::Trial, 2, now(), Thresholds::TRIAL, members).expect("a roster");
    let terms = Terms { roster: roster.hash(), ..emergency() };
    let both = [key(&founding, "legal-1").approve(BODY), second.approve(BODY)];
    assert_eq!(approve(BODY, &both, &roster, &terms).expect_err("one person").name(), "same-person-twice");
    let with_another = [key(&founding, "assessor-1").approve(BODY), second.approve(BODY)];
    assert!(approve(BODY, &with_another, &roster, &terms).is_ok());
}

#[test]
fn a_signer_outside_the_roster_is_refused() {
    let founding = founding();
    let mut approvals = signed(&founding, &["assessor-1"]);
    approvals.push(stranger(Role::Legal).approve(BODY));
    assert_eq!(reason(&approvals), "outsider");
    let mut enough = signed(&founding, &["assessor-1", "legal-1"]);
    enough.push(stranger(Role::DutyOfficer).approve(BODY));
    assert_eq!(reason(&enough), "outsider", "one bad approval spoils a sufficient set");
}

#[test]
fn an_approval_that_claims_another_role_is_refused() {
    let founding = founding();
    let mut approvals = signed(&founding, &["assessor-1", "assessor-2"]);
    approvals[1].role = Role::Legal;
    assert_eq!(reason(&approvals), "wrong-role");
}

#[test]
fn every_changed_byte_of_the_record_is_noticed() {
    let founding = founding();
    let approvals = signed(&founding, &["assessor-1", "legal-1"]);
    for place in 0..BODY.len() {
        let mut other = BODY.to_vec();
        other[place] ^= 1;
        let refusal = approve(&other, &approvals, &founding.roster, &emergency()).expect_err("changed");
        assert_eq!(refusal.name(), "signature-wrong", "byte {place}");
    }
}

#[test]
fn every_changed_byte_of_an_approval_is_noticed() {
    let founding = founding();
    let approvals = signed(&founding, &["assessor-1", "legal-1"]);
    let bytes = canonical::to_bytes(&approvals).expect("canonical");
    for place in 0..bytes.len() {
        for flip in [1, 2, 32] {
            let mut other = bytes.clone();
            other[place] ^= flip;
            let Ok(read) = canonical::parse::<Vec<Approval>>(&other) else { continue };
            let refused = approve(BODY, &read, &founding.roster, &emergency());
            assert!(refused.is_err(), "byte {place} ^ {flip}");
        }
    }
}

#[test]
fn a_signature_for_another_purpose_is_no_approval() {
    let founding = founding();
    let officer = key(&founding, "legal-1");
    let mut approvals = signed(&founding, &["assessor-1"]);
    approvals.push(officer.sign(&Digest::of(BODY)));
    assert_eq!(reason(&approvals), "signature-wrong");
}

#[test]
fn the_terms_name_the_roster_they_are_approved_by() {
    let founding = founding();
    let approvals = signed(&founding, &["assessor-1", "legal-1"]);
    let check = |roster: &Roster, terms: &Terms| {
        approve(BODY, &approvals, roster, terms).expect_err("refused").name()
    };
    let other = Terms { roster: Digest::of(b"another"), ..emergency() };
    assert_eq!(check(&founding.roster, &other), "roster-changed");
    let members = founding.roster.members().to_vec();
    let later = now().plus(std::time::Duration::from_secs(1));
    let late = Roster::new(Profile::Trial, 2, later, Thresholds::TRIAL, members.clone()).expect("a roster");
    assert_eq!(check(&late, &Terms { roster: late.hash(), ..emergency() }), "roster-not-in-force");
    let mut members = members;
    for member in members.iter_mut().filter(|member| member.pseudonym.as_str() == "assessor-1") {
        member.organisation = "a peer".to_owned();
    }
    let asked = Profile::Full.thresholds();
    let full = Roster::new(Profile::Full, 2, now(), asked, members).expect("a roster");
    assert_eq!(check(&full, &Terms { roster: full.hash(), ..emergency() }), "profile-changed");
}

#[test]
fn organisations_are_counted_where_the_roster_asks_for_them() {
    let founding = founding();
    let thresholds = Thresholds { organisations: 2, ..Thresholds::TRIAL };
    let mut members = founding.roster.members().to_vec();
    for member in members.iter_mut().filter(|member| member.pseudonym.as_str() == "duty-officer-1") {
        member.organisation = "a peer".to_owned();
    }
    let roster = Roster::new(Profile::Trial, 2, now(), thresholds, members).expect("a roster");
    let terms = Terms { roster: roster.hash(), ..emergency() };
    let own = signed(&founding, &["assessor-1", "legal-1"]);
    assert_eq!(approve(BODY, &own, &roster, &terms).expect_err("one house").name(), "too-few-organisations");
    let mixed = signed(&founding, &["assessor-1", "duty-officer-1"]);
    assert!(approve(BODY, &mixed, &roster, &terms).is_ok());
}

#[test]
fn more_approvals_than_anyone_needs_are_not_read() {
    let founding = founding();
    let one = key(&founding, "legal-1").approve(BODY);
    assert_eq!(reason(&vec![one; APPROVALS_MAX + 1]), "too-many-approvals");
}
