use super::*;
use crate::fixtures::*;
use crate::{Addressee, DecisionState, Logged, Order};
use policy::{Approval, Measure, Role};
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
    with_order(case, None, people, basis)
}

fn with_order(
    case: &Case,
    order: Option<&Order>,
    people: &[Officer],
    basis: Basis,
) -> Result<Ratified, RatificationRefusal> {
    let asked = Ratification { people: people.to_vec(), basis };
    let decision = Decision { proposed_by: officer(Role::Intake, "intake-1"), ..decided() };
    ratify(&decision, (case, order), &Trial::new().founding.roster, &asked, now())
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
    let order = valid(&demanded(Measure::M6, &["board.test"]));
    let by_order = || Basis::Order(order.id);
    assert!(with_order(&open_case(), Some(&order), &others(), by_order()).is_ok());
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
    let refused = ratify(&proposed, &open_case(), &Trial::new().founding.roster, &own, now());
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
    let order = authentic(&demanded(Measure::M6, &["board.test"]));
    let refused = |order: Option<&Order>, id| {
        with_order(&with(Answer::Order), order, &others(), Basis::Order(id)).expect_err("refused").name()
    };
    assert_eq!(refused(Some(&order), order.id), "order-not-accepted", "the word of an answer is no order");
    assert_eq!(refused(None, order.id), "order-unnamed");
    assert_eq!(refused(Some(&order), OrderId::from_bytes([9; 16])), "order-unnamed");
    let mut silent = open_case();
    silent.referrals[0] = delivered(1, Addressee::Fallback);
    for id in [id, referral_id(9)] {
        let basis = Basis::NonObjectionAndReviewer(id, reviewer());
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
    let refused = ratify(&proposed, &open_case(), &Trial::new().founding.roster, &asked, now());
    assert_eq!(refused, Err(RatificationRefusal::NotLogged));
}
