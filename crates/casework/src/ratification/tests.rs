use super::*;
use crate::fixtures::*;
use crate::{Addressee, DecisionState, Logged};
use policy::{Approval, Role};
use vocabulary::Digest;

/// A logged decision proposed by an intake officer and approved by assessor 1 and the duty officer, so
/// that assessor 2 and the legal officer are free to ratify.
fn decided() -> Decision {
    let trial = Trial::new();
    let approvals: Vec<Approval> =
        ["assessor-1", "duty-officer-1"].map(|name| trial.key(name).approve(b"body")).to_vec();
    let logged = Logged { index: 1, leaf: Digest::of(b"leaf"), at: now() };
    let state = DecisionState::Logged { approvals, logged };
    Decision { state, ..crate::decision::tests::decision() }
}

fn reviewer() -> Officer {
    officer(Role::Reviewer, "reviewer-1")
}

fn check(case: &Case, people: &[Officer], basis: Basis) -> Result<Ratified, RatificationRefusal> {
    let asked = Ratification { people: people.to_vec(), basis };
    ratify(
        &Decision { proposed_by: officer(Role::Intake, "intake-1"), ..decided() },
        case,
        &Trial::new().founding.roster,
        &asked,
    )
}

fn others() -> [Officer; 2] {
    [assessor(2), legal()]
}

fn with(answer: Answer) -> Case {
    let mut case = open_case();
    case.referrals[0] = answered(1, Addressee::Jurisdiction(jurisdiction("AA")), answer);
    case
}

#[test]
fn two_others_with_an_order_or_the_reviewer_may_ratify() {
    let id = referral_id(1);
    assert!(check(&with(Answer::Order), &others(), Basis::Answer(id)).is_ok());
    assert!(check(&open_case(), &others(), Basis::Reviewer(reviewer())).is_ok());
    let together = Basis::NonObjectionAndReviewer(id, reviewer());
    assert!(check(&with(Answer::NonObjection), &others(), together).is_ok());
}

#[test]
fn who_proposed_or_approved_never_ratifies() {
    let basis = || Basis::Reviewer(reviewer());
    for officer in [assessor(1), duty()] {
        let refused = check(&open_case(), &[officer.clone(), legal()], basis());
        assert_eq!(refused, Err(RatificationRefusal::Proposer(officer)));
    }
    let own = Ratification { people: others().to_vec(), basis: basis() };
    let proposed = Decision { proposed_by: legal(), ..decided() };
    let refused = ratify(&proposed, &open_case(), &Trial::new().founding.roster, &own);
    assert_eq!(refused, Err(RatificationRefusal::Proposer(legal())));
}

#[test]
fn one_person_or_the_wrong_people_do_not_ratify() {
    let basis = || Basis::Reviewer(reviewer());
    assert_eq!(check(&open_case(), &[legal()], basis()), Err(RatificationRefusal::TooFew));
    assert_eq!(check(&open_case(), &[legal(), legal()], basis()), Err(RatificationRefusal::TooFew));
    let stranger = officer(Role::Legal, "legal-9");
    let refused = check(&open_case(), &[assessor(2), stranger.clone()], basis());
    assert_eq!(refused, Err(RatificationRefusal::Outsider(stranger)));
    let promoted = officer(Role::Legal, "authority-liaison-1");
    let refused = check(&open_case(), &[assessor(2), promoted.clone()], basis());
    assert_eq!(refused, Err(RatificationRefusal::Outsider(promoted)));
    let refused = check(&open_case(), &[assessor(2), liaison()], basis());
    assert_eq!(refused, Err(RatificationRefusal::RoleMayNotDecide(Role::AuthorityLiaison)));
    let refused = check(&open_case(), &others(), Basis::Reviewer(legal()));
    assert_eq!(refused, Err(RatificationRefusal::NotReviewer(legal())));
}

#[test]
fn request_silence_and_lone_non_objection_never_ratify() {
    let id = referral_id(1);
    for answer in [Answer::Request, Answer::NonObjection, Answer::NoJurisdiction, Answer::NeedsInfo] {
        let refused = check(&with(answer), &others(), Basis::Answer(id));
        assert_eq!(refused, Err(RatificationRefusal::AnswerTooWeak));
    }
    let mut silent = open_case();
    silent.referrals[0] = delivered(1, Addressee::Fallback);
    for basis in
        [Basis::Answer(id), Basis::NonObjectionAndReviewer(id, reviewer()), Basis::Answer(referral_id(9))]
    {
        assert!(matches!(check(&silent, &others(), basis), Err(RatificationRefusal::Silence(_))));
    }
    let request = Basis::NonObjectionAndReviewer(id, reviewer());
    assert_eq!(check(&with(Answer::Request), &others(), request), Err(RatificationRefusal::AnswerTooWeak));
}

#[test]
fn who_supplied_the_evidence_cannot_help_by_not_objecting() {
    let mut case = with(Answer::NonObjection);
    case.findings[1].source = Source::C { supplier: case.referrals[0].authority.name.clone() };
    let basis = Basis::NonObjectionAndReviewer(referral_id(1), reviewer());
    assert_eq!(check(&case, &others(), basis), Err(RatificationRefusal::SuppliedEvidence));
}

#[test]
fn what_was_never_logged_cannot_be_ratified() {
    let proposed = crate::decision::tests::decision();
    let asked = Ratification { people: others().to_vec(), basis: Basis::Reviewer(reviewer()) };
    let refused = ratify(&proposed, &open_case(), &Trial::new().founding.roster, &asked);
    assert_eq!(refused, Err(RatificationRefusal::NotLogged));
}
