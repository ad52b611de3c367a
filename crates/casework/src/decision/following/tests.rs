use super::*;
use crate::decision::tests::{in_force, place};
use crate::fixtures::*;
use crate::{Against, Appeal, AppealOutcome, Appellant, Demanded, Order, Review};
use policy::Role;
use vocabulary::AppealId;

const DAY: Duration = Duration::from_secs(86_400);
const APPEAL: AppealId = AppealId::from_bytes([5; 16]);

/// In force, and proposed by the intake officer, which leaves the duty officer free to confirm it.
fn decided() -> Decision {
    Decision { proposed_by: officer(Role::Intake, "intake-1"), ..in_force() }
}

fn roster() -> Roster {
    Trial::new().founding.roster
}

fn reviewer() -> Officer {
    officer(Role::Reviewer, "reviewer-1")
}

/// The court's order to block what the decision covers, in AA.
fn ordered() -> Order {
    valid(&demanded(Measure::M6, &["board.test", "*.board.test"]))
}

/// The open case, where the reviewer has declared its interests, too.
fn case() -> Case {
    let mut case = open_case();
    let none = crate::Fact::Declaration(crate::Declaration { conflict: None });
    case.record(none, reviewer(), ago(HOUR)).expect("recorded");
    case
}

fn by_order() -> Basis {
    Basis::Order(ordered().id)
}

fn asked(demand: Option<Demand>) -> Continuation {
    let territories = demand.iter().map(|_| "AA".parse().expect("a territory")).collect();
    Continuation { lease: DAY * 14, demand, territories }
}

fn ratification(case: &Case, basis: Basis, by: &Officer) -> Result<FollowUp, &'static str> {
    let demand = basis.order().map(|_| demand());
    let (trial, order) = (Trial::new(), ordered());
    in_force()
        .ratification((case, Some(&order)), (basis, asked(demand)), by, &trial.setting(), now())
        .map_err(|refusal| refusal.name())
}

fn by_reviewer() -> Basis {
    Basis::Reviewer(reviewer())
}

/// The follow-up put up for signing; its bytes stand for the log's.
fn pending(follow_up: FollowUp, by: Officer) -> Decision {
    decided().follow(follow_up, by, "bytes to sign".to_owned(), now()).expect("put up")
}

fn sign(decision: Decision, names: &[&str]) -> Result<Decision, &'static str> {
    names.iter().try_fold(decision, |decision, name| {
        let approval = Trial::new().key(name).approve(b"bytes to sign");
        decision.sign(approval, &case(), &roster(), now()).map_err(|refusal| refusal.name())
    })
}

#[test]
fn reviewer_or_order_and_two_who_took_no_part_ratify() {
    let (decided, trial, held) = (decided(), Trial::new(), ordered());
    let case = case();
    let footing = (&case, Some(&held));
    for (basis, order, signers) in [
        (by_reviewer(), None, &["assessor-2", "duty-officer-1", "reviewer-1"][..]),
        (by_order(), Some(demand()), &["assessor-2", "duty-officer-1"]),
    ] {
        let setting = trial.setting();
        let follow_up =
            decided.ratification(footing, (basis.clone(), asked(order.clone())), &duty(), &setting, now());
        let follow_up = follow_up.expect("composed");
        assert_eq!(follow_up.terms().expect("terms").demand, order);
        let waiting = decided.clone().follow(follow_up, duty(), "bytes to sign".to_owned(), now());
        let waiting = waiting.expect("put up");
        let early = sign(waiting.clone(), &signers[..1]).expect("signed");
        assert!(early.follow_ready(footing, &roster(), now()).is_err(), "one is not enough");
        let signed = sign(waiting, signers).expect("signed");
        assert!(signed.follow_ready(footing, &roster(), now()).is_ok());
        let on = signed.clone().follow_found(place(9)).expect("found");
        assert_eq!((on.state.name(), on.former.len(), on.pending.is_none()), ("logged", 1, true));
        assert_eq!((on.terms.measure, on.terms.renewal), (Measure::M6, 0));
        assert_eq!((on.order, on.former[0].order), (basis.order(), None));
        assert_eq!(on.statement.expires, on.terms.expires);
        assert_eq!(on.first_terms().measure, Measure::M5);
        assert!(on.terms.check_statement(&on.statement).is_ok());
        let text = serde_json::to_string(&on).expect("JSON");
        assert_eq!(serde_json::from_str::<Decision>(&text).expect("read back"), on);
    }
}

#[test]
fn what_does_not_ratify_is_refused_before_anybody_signs() {
    let by = assessor(2);
    let other = Basis::Order(vocabulary::OrderId::from_bytes([9; 16]));
    assert_eq!(ratification(&case(), other, &by).err(), Some("order-unnamed"));
    assert_eq!(ratification(&case(), by_reviewer(), &duty()).err(), Some("took-part"));
    assert_eq!(ratification(&case(), Basis::Reviewer(legal()), &by).err(), Some("not-reviewer"));
    let mut stale = case();
    stale.facts.nexus = None;
    assert_eq!(ratification(&stale, by_reviewer(), &by).err(), Some("gate-closed"));
    assert!(ratification(&stale, by_order(), &by).is_ok(), "an order stands by itself");
    let long = Continuation { lease: DAY * 15, demand: None, territories: BTreeSet::new() };
    let trial = Trial::new();
    let over = in_force().ratification(&case(), (by_reviewer(), long), &by, &trial.setting(), now());
    assert_eq!(over.map_err(|refusal| refusal.name()).err(), Some("lease-over-floor"));
}

#[test]
fn one_record_at_a_time_waits_for_signatures() {
    let lift = in_force().lift(EndReason::Cured, now()).expect("composed");
    let waiting = pending(lift.clone(), duty());
    let second = waiting.clone().follow(lift, duty(), String::new(), now());
    assert_eq!(second.map_err(|refusal| refusal.name()).err(), Some("follow-up-open"));
    assert!(waiting.drop_pending().pending.is_none());
    let nothing = in_force().sign(Trial::new().key("legal-1").approve(b""), &case(), &roster(), now());
    assert_eq!(nothing.map_err(|refusal| refusal.name()).err(), Some("nothing-pending"));
}

#[test]
fn what_ends_a_measure_waits_for_nothing_that_would_carry_it_further() {
    let ratify = || ratification(&case(), by_reviewer(), &assessor(2)).expect("composed");
    let lift = || in_force().lift(EndReason::Cured, now()).expect("composed");
    let reverse = || FollowUp::Reversal { appeal: APPEAL, reviewer: reviewer(), effective: now() };
    let all = [ratify as fn() -> FollowUp, lift, reverse];
    for (waiting, wanted) in (0..3).flat_map(|waiting| (0..3).map(move |wanted| (waiting, wanted))) {
        let next = pending(all[waiting](), duty()).follow(all[wanted](), duty(), "next".to_owned(), now());
        let name = next.map(|held| held.pending.expect("pending").follow_up.name()).map_err(|no| no.name());
        let expected = if wanted > waiting { Ok(all[wanted]().name()) } else { Err("follow-up-open") };
        assert_eq!(name, expected, "{waiting} then {wanted}");
    }
    let signed = sign(pending(ratify(), assessor(2)), &["duty-officer-1", "assessor-2", "reviewer-1"])
        .expect("signed");
    assert!(signed.clone().withdraw().expect("withdrawn").pending.is_none(), "signed, yet not on its way");
    let on_its_way = signed.hand_in(true);
    let refused = on_its_way.clone().withdraw().map_err(|refusal| refusal.name());
    assert_eq!(refused.err(), Some("follow-up-handed-in"));
    let next = on_its_way.clone().follow(reverse(), reviewer(), "next".to_owned(), now());
    assert_eq!(next.map_err(|refusal| refusal.name()).err(), Some("follow-up-handed-in"));
    let back = on_its_way.hand_in(false).follow(reverse(), reviewer(), "next".to_owned(), now());
    assert!(back.is_ok());
}

#[test]
fn what_carries_a_measure_further_is_signed_within_the_hour_of_its_verdict() {
    let waiting = pending(ratification(&case(), by_reviewer(), &assessor(2)).expect("composed"), assessor(2));
    let late = now().plus(clocks::VERDICT_HOLDS);
    let approve = |decision: Decision, at| {
        let approval = Trial::new().key("duty-officer-1").approve(b"bytes to sign");
        decision.sign(approval, &case(), &roster(), at).map_err(|refusal| refusal.name())
    };
    assert!(approve(waiting.clone(), late.minus(Duration::from_secs(1))).is_ok());
    assert_eq!(approve(waiting.clone(), late).err(), Some("follow-up-over"));
    let on_its_way = waiting.clone().hand_in(true).pending.expect("pending");
    assert!(!on_its_way.is_over(late), "what may be public any moment is not over");
    let again = ratification(&case(), by_reviewer(), &assessor(2)).expect("composed");
    assert!(waiting.follow(again, duty(), "again".to_owned(), late).is_ok(), "what is over makes room");
    let lift = pending(in_force().lift(EndReason::Cured, now()).expect("composed"), duty());
    assert!(approve(lift.clone(), now().plus(LIFT_WAIT).minus(Duration::from_secs(1))).is_ok());
    let refused = approve(lift, now().plus(LIFT_WAIT)).err();
    assert_eq!(refused, Some("follow-up-over"), "it would act with nobody told");
}

#[test]
fn what_a_ratification_rests_on_is_asked_again_before_it_is_logged() {
    let by_order = ratification(&case(), by_order(), &assessor(2)).expect("composed");
    let order = ordered();
    let ready_by = |follow_up: FollowUp, signers: &[&str], case: &Case, order: &Order| {
        let signed = sign(pending(follow_up, assessor(2)), signers).expect("signed");
        signed.follow_ready((case, Some(order)), &roster(), now()).map_err(|refusal| refusal.name())
    };
    let ready =
        |follow_up: FollowUp, signers: &[&str], case: &Case| ready_by(follow_up, signers, case, &order);
    let two = ["duty-officer-1", "assessor-2"];
    assert_eq!(ready(by_order.clone(), &two, &case()), Ok(()));
    let withdrawn = order.clone().withdraw(liaison(), now()).expect("withdrawn");
    assert_eq!(ready_by(by_order.clone(), &two, &case(), &withdrawn), Err("order-not-accepted"));
    let mut closed = case();
    closed.status = open_case().close(duty(), now(), text("unfounded")).expect("closed").status;
    assert_eq!(ready(by_order, &two, &closed), Err("case-closed"));
    let mut hearing = case();
    let against = (Appellant::Customer, Against::Inaction);
    let appeal = Appeal::file(APPEAL, against, paragraphs("Nobody looked."), &[], now());
    hearing.add_appeal(appeal).expect("taken in");
    hearing.step_appeal(APPEAL, |appeal| appeal.admit(duty(), now())).expect("admitted");
    let hear = (&reviewer(), Review::Hear);
    hearing.review_appeal(APPEAL, hear, (&[], &roster()), now()).expect("heard");
    let by_reviewer = ratification(&case(), by_reviewer(), &assessor(2)).expect("composed");
    let three = ["duty-officer-1", "assessor-2", "reviewer-1"];
    assert_eq!(ready(by_reviewer.clone(), &three, &case()), Ok(()));
    assert_eq!(ready(by_reviewer, &three, &hearing), Err("hears-appeal"), "two hats");
}

#[test]
fn two_officers_lift_and_the_measure_acts_until_the_wait_is_over() {
    let lift = in_force().lift(EndReason::Cured, now()).expect("composed");
    let waiting = pending(lift, duty());
    assert_eq!(sign(waiting.clone(), &["reviewer-1"]).err(), Some("role-may-not-decide"));
    assert_eq!(sign(waiting.clone(), &["legal-1", "legal-1"]).err(), Some("same-key-twice"));
    let signed = sign(waiting, &["legal-1", "assessor-2"]).expect("signed");
    let ended = signed.follow_found(place(9)).expect("found");
    assert_eq!((ended.state.name(), ended.ends()), ("ended", now().plus(LIFT_WAIT)));
    assert!(ended.clone().finish(now().plus(HOUR)).is_err(), "edges are told until the lease is over");
    assert_eq!(ended.finish(now().plus(HOUR * 48)).expect("over").state.name(), "final");
    assert!(in_force().lift(EndReason::Overturned, now()).is_err());
    assert!(in_force().lift(EndReason::Cured, now().plus(HOUR * 48)).is_err(), "the lease is over");
}

#[test]
fn an_overturned_decision_is_reversed_by_who_ruled() {
    let mut case = case();
    let decided = in_force();
    assert!(decided.reversal(&case, APPEAL, now()).is_err());
    let against = (Appellant::Customer, Against::Decision(decided.id));
    let appeal = Appeal::file(APPEAL, against, paragraphs("It was not us."), &[&decided], now());
    case.add_appeal(appeal).expect("taken in");
    case.step_appeal(APPEAL, |appeal| appeal.admit(duty(), now())).expect("admitted");
    case.review_appeal(APPEAL, (&reviewer(), Review::Hear), (&[&decided], &roster()), now()).expect("heard");
    let ruled = |outcome| {
        let mut case = case.clone();
        let reasons = paragraphs("The items were planted.");
        let rule = (&reviewer(), Review::Rule { outcome, reasons });
        case.review_appeal(APPEAL, rule, (&[&decided], &roster()), now()).expect("ruled");
        decided.reversal(&case, APPEAL, now())
    };
    assert!(ruled(AppealOutcome::Upheld).is_err());
    let waiting = pending(ruled(AppealOutcome::Overturned).expect("composed"), reviewer());
    assert_eq!(sign(waiting.clone(), &["legal-1"]).err(), Some("role-may-not-decide"));
    let ended = sign(waiting, &["reviewer-1"])
        .and_then(|signed| signed.follow_found(place(9)).map_err(|refusal| refusal.name()));
    assert_eq!(ended.expect("reversed").ends(), now(), "at once");
}

#[test]
fn signers_of_what_follows_have_declared_their_interests() {
    let lift = in_force().lift(EndReason::Cured, now()).expect("composed");
    let mut silent = case();
    silent.facts.declarations.retain(|one| one.by != legal());
    let approval = Trial::new().key("legal-1").approve(b"bytes to sign");
    let signed = pending(lift, duty()).sign(approval, &silent, &roster(), now());
    assert_eq!(signed.map_err(|refusal| refusal.name()).err(), Some("not-declared"));
}

#[test]
fn a_measure_by_order_is_renewed_while_its_order_stands_and_no_longer() {
    let (trial, case, order) = (Trial::new(), case(), ordered());
    let setting = trial.setting();
    let late = now().plus(DAY * 13);
    let follow_up = ratification(&case, by_order(), &assessor(2)).expect("composed");
    let signed = sign(pending(follow_up, duty()), &["assessor-2", "duty-officer-1"]).expect("signed");
    let ratified = signed.follow_found(place(9)).expect("found");
    let ratified =
        ratified.publish(crate::Published { bundle: vocabulary::Digest::of(b"bundle"), at: now() });
    let ratified = ratified.expect("published");
    let renewed = |order: Option<&Order>, asked: Continuation| {
        ratified.renewal((&case, order), asked, &setting, late).map_err(|refusal| refusal.name())
    };
    let again = || asked(Some(demand()));
    assert_eq!(renewed(Some(&order), again()).expect("composed").order(), Some(order.id));
    assert_eq!(renewed(None, again()), Err("order-unnamed"));
    let withdrawn = order.clone().withdraw(liaison(), late).expect("withdrawn");
    assert_eq!(renewed(Some(&withdrawn), again()), Err("order-not-accepted"));
    let ending =
        valid(&Demanded { until: late.plus(DAY), ..demanded(Measure::M6, &["board.test", "*.board.test"]) });
    assert_eq!(renewed(Some(&ending), again()), Err("beyond-ordered-end"));
    assert!(renewed(Some(&ending), Continuation { lease: DAY, ..again() }).is_ok());
}
