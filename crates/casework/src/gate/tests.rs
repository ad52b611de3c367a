mod authorities;
mod evidence;
mod grounds;
mod hearing;

use super::*;
use crate::fixtures::*;
use crate::{
    Addressee, Answer, Appearance, Considered, Credibility, Danger, Declaration, Dissent, Endangering, Fact,
    Harm, Identified, ItemConduct, ItemOutcome, LegalConclusion, Notice, Objection, Outcome, Placement,
    PostedAt, Ratings, SiteConduct, Source, WithheldBecause,
};
use GateCondition::{E1, E2, E3, E4, E5, E6, E7, E8, E9};
use policy::Role;
use proptest::prelude::*;

/// What closes the gate for M5 now, as `E1 too-few-findings`.
fn closed_by(case: &Case) -> Vec<String> {
    closed_at(case, Measure::M5, now())
}

fn closed_at(case: &Case, sought: Measure, now: Timestamp) -> Vec<String> {
    let verdict = gate(case, sought, now);
    assert_eq!(verdict.open, verdict.reasons().next().is_none());
    assert_eq!(verdict.conditions.len(), 9);
    verdict.reasons().map(|(condition, reason)| format!("{condition:?} {}", reason.name())).collect()
}

fn changed(change: impl FnOnce(&mut Case)) -> Case {
    let mut case = open_case();
    change(&mut case);
    case
}

#[test]
fn the_gate_is_open_when_all_nine_conditions_hold() {
    let verdict = gate(&open_case(), Measure::M5, now());
    assert!(verdict.open, "{:?}", verdict.reasons().collect::<Vec<_>>());
    assert_eq!(verdict.counted, [finding_id(1), finding_id(2)]);
    assert_eq!(verdict.lease_max(), HOUR * 48);
    assert_eq!(verdict.valid_until, now().plus(MINUTE * 60));
    assert_eq!(verdict.case, open_case().id);
}

#[test]
fn a_verdict_holds_for_an_hour() {
    let verdict = gate(&open_case(), Measure::M5, now());
    assert!(verdict.holds_at(now()) && verdict.holds_at(now().plus(MINUTE * 59)));
    assert!(!verdict.holds_at(now().plus(MINUTE * 60)) && !verdict.holds_at(now().minus(MINUTE)));
}

#[test]
fn an_empty_case_closes_every_condition() {
    let empty = changed(|case| {
        case.findings.clear();
        case.referrals.clear();
        case.facts = Facts::default();
    });
    let verdict = gate(&empty, Measure::M5, now());
    let held: Vec<_> = verdict.conditions.iter().filter(|part| part.state == Held::Held).collect();
    // Nobody took part, so there is nobody whose interests are missing.
    assert_eq!(held.iter().map(|part| part.condition).collect::<Vec<_>>(), [E8]);
}

type Change = (&'static str, fn(&mut Case));

/// Runs a table of single changes: each must give exactly the reasons it names.
fn table(rows: &[Change]) {
    for (expected, change) in rows {
        let expected: Vec<&str> = expected.split(", ").filter(|reason| !reason.is_empty()).collect();
        assert_eq!(closed_by(&changed(change)), expected);
    }
}

/// The findings of the open case, the second one changed.
fn second(case: &mut Case) -> &mut Finding {
    &mut case.findings[1]
}

fn danger_is(change: fn(&mut Danger)) -> Case {
    changed(|case| change(&mut case.facts.danger.as_mut().expect("recorded").fact))
}

#[test]
fn e2_wants_someone_identifiable_grave_harm_and_a_near_horizon() {
    let at = |change| closed_by(&danger_is(change));
    assert_eq!(at(|danger| danger.identified = None), ["E2 nobody-identifiable"]);
    assert_eq!(at(|danger| danger.harm = Harm::Lesser), ["E2 harm-too-small"]);
    assert_eq!(at(|danger| danger.horizon = Horizon::Unknown), ["E2 horizon-unknown"]);
    let far = now().plus(HOUR * 72 + MINUTE);
    let mut case = open_case();
    case.record(Fact::Danger(Danger { horizon: Horizon::By(far), ..danger() }), duty(), now())
        .expect("recorded");
    assert_eq!(closed_by(&case), ["E2 horizon-too-far"]);
    assert_eq!(closed_at(&case, Measure::M5, now().plus(MINUTE)), [""; 0]);
    assert_eq!(at(|danger| danger.horizon = Horizon::By(ago(MINUTE))), ["E2 horizon-passed"]);
    for harm in [Harm::SeriousInjury, Harm::SelfHarmUrged] {
        let mut case = open_case();
        case.record(Fact::Danger(Danger { harm, ..danger() }), duty(), now()).expect("recorded");
        assert_eq!(closed_by(&case), [""; 0]);
    }
    assert_eq!(at(|danger| danger.identified = Some(Identified::Gathering)), [""; 0]);
    table(&[("E2 not-recorded", |case| case.facts.danger = None)]);
}

#[test]
fn an_address_without_a_call_to_violence_is_no_emergency() {
    assert_eq!(closed_by(&danger_is(|danger| danger.harm = Harm::Lesser)), ["E2 harm-too-small"]);
}

#[test]
fn e3_wants_a_nexus() {
    table(&[
        ("E3 not-recorded", |case| case.facts.nexus = None),
        ("E3 not-reachable", |case| case.facts.nexus.as_mut().expect("recorded").fact.reachable = false),
        ("E3 no-effect-expected", |case| {
            case.facts.nexus.as_mut().expect("recorded").fact.lowers_risk = None
        }),
    ]);
}

fn to(code: &str) -> Addressee {
    Addressee::Jurisdiction(jurisdiction(code))
}

fn considered(case: &mut Case) -> &mut Vec<Considered> {
    &mut case.facts.lesser_measures.as_mut().expect("recorded").fact.considered
}

#[test]
fn e5_wants_each_lesser_measure_considered_and_refused() {
    table(&[
        ("E5 not-recorded", |case| case.facts.lesser_measures = None),
        ("E5 not-considered", |case| drop(considered(case).remove(0))),
        ("E5 not-considered", |case| drop(considered(case).remove(3))),
        ("E5 lesser-would-do", |case| considered(case)[1].outcome = Outcome::WouldDo),
        ("E5 lesser-would-do", |case| considered(case)[3].outcome = Outcome::WouldDo),
        ("", |case| {
            considered(case)[3].outcome =
                Outcome::Failed { reposted_at: ago(HOUR), evidence: evidence_id(7) };
        }),
        ("E5 recorded-ahead", |case| {
            considered(case)[3].outcome =
                Outcome::Failed { reposted_at: now().plus(HOUR), evidence: evidence_id(7) };
        }),
    ]);
}

#[test]
fn where_one_url_would_do_the_block_is_refused_and_m3_offered() {
    let case = changed(|case| considered(case)[3].outcome = Outcome::WouldDo);
    let verdict = gate(&case, Measure::M5, now());
    assert_eq!((verdict.open, verdict.offer()), (false, Some(Measure::M3)));
    assert!(gate(&case, Measure::M3, now()).open);
    assert_eq!(closed_at(&case, Measure::M6, now()), ["E5 no-emergency-measure"]);
}

#[test]
fn e6_wants_escalation_plan_and_dispatcher() {
    table(&[
        ("E6 not-recorded", |case| case.facts.safety = None),
        ("E6 escalation-not-recorded", |case| {
            case.facts.safety.as_mut().expect("recorded").fact.escalation = None;
        }),
        ("E6 no-safety-plan", |case| case.facts.safety.as_mut().expect("recorded").fact.plan = None),
        ("E6 dispatcher-not-warned", |case| {
            case.facts.safety.as_mut().expect("recorded").fact.dispatcher = None;
        }),
        ("", |case| {
            case.facts.safety.as_mut().expect("recorded").fact.dispatcher =
                Some(crate::Dispatcher::ConsentWithheld);
        }),
    ]);
}

#[test]
fn e7_wants_a_legal_conclusion_and_a_word_on_dissent() {
    table(&[
        ("E7 not-recorded", |case| case.facts.legal_review = None),
        ("E7 not-by-legal, E8 not-declared", |case| {
            case.facts.legal_review.as_mut().expect("recorded").by = officer(Role::Reviewer, "reviewer-1");
        }),
        ("E7 not-found-lawful", |case| {
            case.facts.legal_review.as_mut().expect("recorded").fact.conclusion = LegalConclusion::Doubtful;
        }),
        ("E7 not-found-lawful", |case| {
            case.facts.legal_review.as_mut().expect("recorded").fact.conclusion = LegalConclusion::Unlawful;
        }),
        ("E7 dissent-not-recorded", |case| {
            case.facts.legal_review.as_mut().expect("recorded").fact.dissent = None;
        }),
        ("", |case| {
            let words = vec![paragraphs("I would wait")];
            case.facts.legal_review.as_mut().expect("recorded").fact.dissent = Some(Dissent::Attached(words));
        }),
        ("E7 not-by-legal, E7 legal-also-rated", |case| {
            case.facts.legal_review.as_mut().expect("recorded").by = assessor(1);
        }),
    ]);
}

#[test]
fn e8_wants_everybody_who_took_part_to_have_declared() {
    for officer in [assessor(1), assessor(2), legal(), duty(), liaison()] {
        let silent = changed(|case| {
            case.facts.declarations.retain(|declaration| declaration.by != officer);
        });
        assert_eq!(closed_by(&silent), ["E8 not-declared"], "{officer}");
        let conflicted = changed(|case| {
            let conflict = Some(text("I know the customer"));
            case.record(Fact::Declaration(Declaration { conflict }), officer.clone(), now())
                .expect("recorded");
        });
        assert_eq!(closed_by(&conflicted), ["E8 conflicted"], "{officer}");
    }
}

#[test]
fn e8_asks_everybody_who_recorded_a_fact() {
    type Sign = fn(&mut Facts, Officer);
    let signs: [Sign; 7] = [
        |facts, by| facts.danger.as_mut().expect("recorded").by = by,
        |facts, by| facts.nexus.as_mut().expect("recorded").by = by,
        |facts, by| facts.concerned.as_mut().expect("recorded").by = by,
        |facts, by| facts.lesser_measures.as_mut().expect("recorded").by = by,
        |facts, by| facts.safety.as_mut().expect("recorded").by = by,
        |facts, by| facts.legal_review.as_mut().expect("recorded").by = by,
        |facts, by| facts.site_conduct.as_mut().expect("recorded").by = by,
    ];
    for (place, sign) in signs.into_iter().enumerate() {
        let case = changed(|case| sign(&mut case.facts, officer(Role::Legal, "legal-2")));
        assert_eq!(closed_by(&case), ["E8 not-declared"], "fact {place}");
    }
}

fn conduct(case: &mut Case) -> &mut SiteConduct {
    &mut case.facts.site_conduct.as_mut().expect("recorded").fact
}

#[test]
fn facts_older_than_48_hours_count_no_more() {
    type Age = fn(&mut Facts, Timestamp);
    let slots: [(&str, Age); 7] = [
        ("E2", |facts, at| facts.danger.as_mut().expect("recorded").at = at),
        ("E3", |facts, at| facts.nexus.as_mut().expect("recorded").at = at),
        ("E4", |facts, at| facts.concerned.as_mut().expect("recorded").at = at),
        ("E5", |facts, at| facts.lesser_measures.as_mut().expect("recorded").at = at),
        ("E6", |facts, at| facts.safety.as_mut().expect("recorded").at = at),
        ("E7", |facts, at| facts.legal_review.as_mut().expect("recorded").at = at),
        ("E9", |facts, at| facts.site_conduct.as_mut().expect("recorded").at = at),
    ];
    for (condition, age) in slots {
        let at = |at| closed_by(&changed(|case| age(&mut case.facts, at)));
        assert_eq!(at(ago(HOUR * 48)), [""; 0], "{condition}");
        assert_eq!(at(ago(HOUR * 48 + MINUTE)), [format!("{condition} stale")]);
        assert_eq!(at(now().plus(MINUTE)), [format!("{condition} recorded-ahead")]);
    }
    let declared = |at| closed_by(&changed(|case| case.facts.declarations[0].at = at));
    assert_eq!(declared(ago(HOUR * 49)), ["E8 stale"]);
}

#[test]
fn the_same_facts_two_days_later_open_nothing() {
    let later = now().plus(HOUR * 48);
    let closed = closed_at(&open_case(), Measure::M5, later);
    for condition in [E1, E2, E3, E4, E5, E6, E7, E8, E9] {
        let prefix = format!("{condition:?} ");
        assert!(closed.iter().any(|reason| reason.starts_with(&prefix)), "{condition:?} in {closed:?}");
    }
}

#[test]
fn attention_is_no_input() {
    let quiet = gate(&open_case(), Measure::M5, now());
    for (reports, campaign_signals) in [(1, 0), (10_000, 0), (0, 10_000), (u64::MAX, u64::MAX)] {
        let loud = changed(|case| case.attention = crate::Attention { reports, campaign_signals });
        assert_eq!(gate(&loud, Measure::M5, now()), quiet);
    }
}

#[test]
fn what_is_recorded_is_input() {
    let own = input_hash(&open_case(), Measure::M5);
    assert_ne!(input_hash(&open_case(), Measure::M3), own);
    let changes: [fn(&mut Case); 4] = [
        |case| second(case).author = Some(text("someone else")),
        |case| case.facts.nexus.as_mut().expect("recorded").fact.lowers_risk = Some(text("otherwise")),
        |case| case.referrals[0] = answered(1, to("AA"), Answer::Order),
        |case| drop(case.facts.declarations.pop()),
    ];
    for change in changes {
        assert_ne!(input_hash(&changed(change), Measure::M5), own);
    }
}

#[test]
fn verdicts_are_read_back_from_their_one_encoding() {
    let empty = changed(|case| {
        case.referrals.clear();
        case.facts = Facts::default();
        case.findings[0].source = Source::E;
    });
    for case in [open_case(), empty] {
        let verdict = gate(&case, Measure::M5, now());
        let bytes = canonical::to_bytes(&verdict).expect("canonical");
        assert_eq!(canonical::parse::<GateVerdict>(&bytes).expect("its own bytes"), verdict);
    }
}

#[test]
fn every_reason_has_a_name_and_a_text() {
    for reason in [
        Closed::NotRecorded { what: "x".to_owned() },
        Closed::Objection { to: to("AA"), until: now() },
        Closed::FindingNotCounted { finding: finding_id(1), why: NotCounted::Grade },
        Closed::NoPairLeft,
    ] {
        let name = reason.name();
        assert!(name != "closed" && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        assert!(!reason.to_string().is_empty());
    }
}

/// A strategy's permutation of the open case with a few more findings, and other attention.
fn shuffled() -> impl Strategy<Value = Case> {
    let mut case = open_case();
    case.findings.extend([finding(3, Source::C { supplier: text("A flagger") }), finding(4, Source::D)]);
    let (findings, referrals) = (case.findings.clone(), case.referrals.clone());
    let declarations = case.facts.declarations.clone();
    let orders = (
        Just(findings).prop_shuffle(),
        Just(referrals).prop_shuffle(),
        Just(declarations).prop_shuffle(),
        any::<u64>(),
        any::<u64>(),
    );
    orders.prop_map(move |(findings, referrals, declarations, reports, campaign_signals)| {
        let mut case = case.clone();
        (case.findings, case.referrals) = (findings, referrals);
        case.facts.declarations = declarations;
        case.attention = crate::Attention { reports, campaign_signals };
        case
    })
}

proptest! {
    #[test]
    fn order_and_volume_leave_verdict_and_input_hash_unchanged(one in shuffled(), other in shuffled()) {
        let (one, other) = (gate(&one, Measure::M5, now()), gate(&other, Measure::M5, now()));
        prop_assert!(one.open);
        prop_assert_eq!(one.input_hash, other.input_hash);
        prop_assert_eq!(one, other);
    }

    #[test]
    fn dropping_facts_never_opens_the_gate(mask in 0u16..(1 << 12)) {
        let case = changed(|case| {
            let facts = &mut case.facts;
            let dropped = |place: u16| mask & (1 << place) != 0;
            if dropped(0) { facts.danger = None; }
            if dropped(1) { facts.nexus = None; }
            if dropped(2) { facts.concerned = None; }
            if dropped(3) { facts.lesser_measures = None; }
            if dropped(4) { facts.safety = None; }
            if dropped(5) { facts.legal_review = None; }
            if dropped(6) { facts.site_conduct = None; }
            if dropped(7) { facts.declarations.clear(); }
            if dropped(8) { case.findings.remove(1); }
            if dropped(9) { case.referrals.remove(0); }
            if dropped(10) { case.findings[0].ratings = Ratings::Awaited; }
            if dropped(11) { case.findings[0].evidence.clear(); }
        });
        prop_assert_eq!(gate(&case, Measure::M5, now()).open, mask == 0);
    }
}
