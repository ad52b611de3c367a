use super::*;
use crate::FollowUp;
use crate::decision::tests::{decision, in_force};
use crate::fixtures::*;
use policy::{EndReason, Role};

fn id(number: u8) -> AppealId {
    AppealId::from_bytes([number; 16])
}

fn filed(against: Against) -> Appeal {
    let decided = decision();
    let by = (Appellant::Customer, against);
    Appeal::file(id(1), by, paragraphs("It was not us."), &[&decided], now())
}

fn reviewer() -> Officer {
    officer(Role::Reviewer, "reviewer-1")
}

fn with(appeal: Appeal) -> Case {
    let mut case = open_case();
    case.add_appeal(appeal).expect("taken in");
    case.step_appeal(id(1), |appeal| appeal.admit(duty(), now())).expect("admitted");
    case
}

fn hear(case: &mut Case, by: &Officer) -> Result<(), &'static str> {
    review(case, by, Review::Hear, &in_force())
}

fn review(case: &mut Case, by: &Officer, review: Review, decided: &Decision) -> Result<(), &'static str> {
    let around = (&[decided][..], &Trial::new().founding.roster);
    case.review_appeal(id(1), (by, review), around, now()).map_err(|refusal| refusal.name())
}

fn overturned() -> Review {
    Review::Rule { outcome: AppealOutcome::Overturned, reasons: paragraphs("The items were planted.") }
}

#[test]
fn an_appeal_goes_its_way_to_the_appellant() {
    let mut case = with(filed(Against::Decision(decision().id)));
    hear(&mut case, &reviewer()).expect("heard");
    review(&mut case, &reviewer(), overturned(), &in_force()).expect("ruled");
    assert_eq!(case.overturned_by(id(1), decision().id), Some(&reviewer()));
    assert_eq!(case.overturned_by(id(1), DecisionId::from_bytes([99; 16])), None);
    case.step_appeal(id(1), |appeal| appeal.notify(now())).expect("told");
    assert_eq!(case.appeals[0].state.name(), "notified");
    let again = review(&mut case, &reviewer(), overturned(), &in_force());
    assert_eq!(again, Err("appeal-in-wrong-state"));
}

#[test]
fn who_took_part_never_hears_the_appeal() {
    let against = Against::Decision(decision().id);
    for by in [assessor(1), legal(), duty()] {
        assert_eq!(hear(&mut with(filed(against)), &by), Err("not-reviewer"), "{by}");
    }
    let mut declared = with(filed(against));
    let conflict = crate::Declaration { conflict: Some(text("a relative works there")) };
    declared.record(Fact::Declaration(conflict), reviewer(), now()).expect("recorded");
    assert_eq!(hear(&mut declared, &reviewer()), Err("took-part"));
    let mut recorded = with(filed(against));
    recorded.facts.nexus.as_mut().expect("recorded").by = reviewer();
    assert_eq!(hear(&mut recorded, &reviewer()), Err("took-part"));
    let stranger = officer(Role::Reviewer, "reviewer-9");
    assert_eq!(hear(&mut with(filed(against)), &stranger), Err("not-reviewer"));
}

#[test]
fn only_who_hears_it_rules() {
    let mut case = with(filed(Against::Inaction));
    hear(&mut case, &reviewer()).expect("heard");
    let appeal = case.appeals[0].clone();
    let other = officer(Role::Reviewer, "reviewer-2");
    let ruled = appeal.rule(&other, AppealOutcome::Upheld, paragraphs("no"), now());
    assert_eq!(ruled.map_err(|refusal| refusal.name()), Err("other-reviewer"));
}

#[test]
fn who_took_a_part_since_the_hearing_began_no_longer_rules() {
    let mut case = with(filed(Against::Inaction));
    hear(&mut case, &reviewer()).expect("heard");
    let conflict = crate::Declaration { conflict: Some(text("a relative works there")) };
    case.record(Fact::Declaration(conflict), reviewer(), now()).expect("recorded");
    assert_eq!(review(&mut case, &reviewer(), overturned(), &in_force()), Err("took-part"));
}

#[test]
fn what_waits_for_signatures_is_a_part_taken_but_a_reviewers_own_reversal_is_not() {
    let follow = |follow_up: FollowUp| {
        in_force().follow(follow_up, reviewer(), "bytes".to_owned(), now()).expect("put up")
    };
    let lift = follow(in_force().lift(EndReason::Cured, now()).expect("composed"));
    let mut signed = lift.clone();
    let pending = signed.pending.as_mut().expect("pending");
    pending.by = duty();
    pending.approvals.push(Trial::new().key("reviewer-1").approve(b"bytes"));
    let own = FollowUp::Reversal { appeal: id(2), reviewer: reviewer(), effective: now() };
    for (decided, heard) in [(lift, Err("took-part")), (signed, Err("took-part")), (follow(own), Ok(()))] {
        let mut case = with(filed(Against::Inaction));
        assert_eq!(review(&mut case, &reviewer(), Review::Hear, &decided), heard, "{:?}", decided.pending);
    }
}

#[test]
fn provisional_measures_are_reviewed_in_a_day_and_the_rest_in_a_week() {
    let days = |against| filed(against).due.since(now()).as_secs() / 86_400;
    assert_eq!(days(Against::Decision(decision().id)), 1);
    assert_eq!(days(Against::Inaction), 7);
    assert_eq!(days(Against::MissedClock(MissedClock::Triage)), 7);
    let appeal = filed(Against::Inaction);
    assert!(!appeal.overdue(appeal.due.minus(MINUTE)) && appeal.overdue(appeal.due));
}

#[test]
fn a_closed_case_can_be_appealed_against_and_dismissal_has_reasons() {
    let mut case = open_case().close(duty(), now(), text("unfounded")).expect("closed");
    case.add_appeal(filed(Against::MissedClock(MissedClock::Referral))).expect("taken in");
    assert!(case.add_appeal(filed(Against::Inaction)).is_err(), "one id once");
    let why = paragraphs("It names no decision of ours.");
    let dismiss = Review::Dismiss(why);
    let decider = review(&mut case, &duty(), dismiss.clone(), &in_force());
    assert_eq!(decider, Err("not-reviewer"), "who decided turns nobody away");
    review(&mut case, &reviewer(), dismiss, &in_force()).expect("dismissed");
    assert!(!case.appeals[0].overdue(now().plus(HOUR * 24 * 30)));
}

#[test]
fn who_makes_the_reviewers_pass_took_no_part_and_in_a_trial_decided_nothing() {
    let (case, decided, trial) = (open_case(), in_force(), Trial::new());
    let names = |roster: &Roster| case.barred_from_pass(&[&decided], roster);
    let roster = &trial.founding.roster;
    let barred = names(roster);
    assert_eq!(barred, deciders(&[&decided], roster));
    assert!(
        !barred.is_empty() && !barred.contains("intake-1") && !barred.contains("reviewer-1"),
        "{barred:?}"
    );
    // The same people from two organisations, outside a trial: whoever took part.
    let mut members = roster.members().to_vec();
    for member in members.iter_mut().filter(|member| member.role == Role::Legal) {
        member.organisation = "outside".to_owned();
    }
    let asked = policy::Profile::Full.thresholds();
    let full = Roster::new(policy::Profile::Full, 1, now(), asked, members).expect("a roster");
    assert_eq!(names(&full), case.took_part(&[&decided], &full));
    assert!(names(&full).contains("intake-1"));
}
