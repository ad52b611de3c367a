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

#[test]
fn e1_wants_two_independent_credible_findings_within_48_hours() {
    let not_counted = "E1 finding-not-counted, E1 too-few-findings, E7 no-agreed-pair, E9 no-pair-left";
    table(&[
        ("E1 too-few-findings, E7 no-agreed-pair, E9 no-pair-left", |case| drop(case.findings.pop())),
        ("E1 same-item, E7 no-agreed-pair, E9 no-pair-left", |case| {
            second(case).item = finding(1, Source::A).item;
        }),
        ("E1 same-author, E7 no-agreed-pair, E9 no-pair-left", |case| {
            second(case).author = Some(text("AUTHOR 1"));
        }),
        ("E1 same-capture, E7 no-agreed-pair, E9 no-pair-left", |case| {
            second(case).evidence = vec![evidence_id(9), evidence_id(1)];
        }),
        (not_counted, |case| second(case).evidence.clear()),
        (not_counted, |case| second(case).source = Source::D),
        (not_counted, |case| second(case).source = Source::E),
        (not_counted, |case| second(case).appearance = Appearance::Elsewhere),
        (not_counted, |case| second(case).author = None),
        (not_counted, |case| second(case).posted_at = PostedAt::Unknown),
        (not_counted, |case| second(case).posted_at = PostedAt::Instant(now().plus(MINUTE))),
        (not_counted, |case| second(case).ratings = Ratings::Awaited),
        ("", |case| second(case).appearance = Appearance::Promoted),
        ("", |case| second(case).source = Source::C { supplier: text("A flagger") }),
    ]);
}

#[test]
fn what_does_not_count_says_why() {
    let why = |change: fn(&mut Finding)| {
        let case = changed(|case| change(second(case)));
        let verdict = gate(&case, Measure::M5, now());
        let found = verdict.reasons().find_map(|(_, reason)| match reason {
            Closed::FindingNotCounted { finding, why } => Some((*finding, *why)),
            _ => None,
        });
        let (finding, why) = found.expect("a finding that does not count");
        assert_eq!(finding, finding_id(2));
        why
    };
    assert_eq!(why(|finding| finding.evidence.clear()), NotCounted::NoCapture);
    assert_eq!(why(|finding| finding.source = Source::D), NotCounted::Grade);
    assert_eq!(why(|finding| finding.appearance = Appearance::Elsewhere), NotCounted::NotOnSite);
    assert_eq!(why(|finding| finding.author = None), NotCounted::AuthorUnknown);
    assert_eq!(why(|finding| finding.posted_at = PostedAt::Unknown), NotCounted::AgeUnknown);
    assert_eq!(why(|finding| finding.posted_at = PostedAt::Instant(now().plus(HOUR))), NotCounted::Ahead);
    assert_eq!(why(|finding| finding.ratings = Ratings::Awaited), NotCounted::NotRated);
    let stale = |finding: &mut Finding| {
        let mut old = rating(assessor(1), Credibility::Credible);
        old.at = ago(HOUR * 49);
        finding.ratings = Ratings::Sealed(old);
    };
    assert_eq!(why(stale), NotCounted::RatingStale);
}

#[test]
fn a_second_item_posted_49_hours_ago_fails_and_47_holds() {
    let posted = |hours| changed(|case| second(case).posted_at = PostedAt::Instant(ago(HOUR * hours)));
    assert!(closed_by(&posted(49)).contains(&"E1 finding-not-counted".to_owned()));
    assert_eq!(closed_by(&posted(47)), [""; 0]);
    assert_eq!(closed_by(&posted(48)), [""; 0]);
}

#[test]
fn an_old_threat_captured_anew_is_not_counted() {
    let case = changed(|case| {
        second(case).posted_at = PostedAt::Instant(ago(HOUR * 24 * 300));
        second(case).captured_at = ago(MINUTE);
    });
    assert!(closed_by(&case).contains(&"E1 finding-not-counted".to_owned()));
}

#[test]
fn a_time_without_zone_is_an_interval_and_counts_only_whole() {
    let read = |reading| changed(|case| second(case).posted_at = PostedAt::without_zone(reading));
    assert_eq!(closed_by(&read(ago(HOUR * 34))), [""; 0], "at most 48 h old in any zone");
    assert!(!closed_by(&read(ago(HOUR * 35))).is_empty(), "49 h old in some zone");
}

#[test]
fn ten_thousand_reports_of_revolting_content_open_nothing() {
    let case = changed(|case| {
        case.findings.clear();
        case.attention.reports = 10_000;
    });
    assert!(closed_by(&case).contains(&"E1 too-few-findings".to_owned()));
}

#[test]
fn one_credible_finding_asks_for_another_capture() {
    let case = changed(|case| drop(case.findings.pop()));
    let verdict = gate(&case, Measure::M5, now());
    let (condition, reason) = verdict.reasons().next().expect("closed");
    assert_eq!(condition, E1);
    assert!(reason.to_string().contains("capture another item"), "{reason}");
}

#[test]
fn a_quotation_or_a_news_report_is_not_credible() {
    let dismissed = |by| rating(by, Credibility::NotCredible);
    let case = changed(|case| {
        let (first, second) = (dismissed(assessor(1)), dismissed(assessor(2)));
        case.findings[1].ratings = Ratings::Opened { first, second };
    });
    assert!(closed_by(&case).contains(&"E1 finding-not-counted".to_owned()));
}

#[test]
fn paraphrased_press_and_screenshots_add_nothing() {
    let case = changed(|case| {
        for number in 3..60 {
            case.findings.push(finding(number, if number % 2 == 0 { Source::D } else { Source::E }));
        }
        case.findings.remove(0);
    });
    assert!(closed_by(&case).contains(&"E1 too-few-findings".to_owned()));
}

#[test]
fn evidence_from_one_authority_alone_is_not_enough() {
    let case = changed(|case| {
        for finding in &mut case.findings {
            finding.source = Source::C { supplier: text("A police force") };
        }
    });
    assert_eq!(closed_by(&case), ["E1 no-own-capture", "E7 no-agreed-pair", "E9 no-pair-left"]);
}

#[test]
fn dependent_findings_do_no_harm_beside_an_independent_pair() {
    let case = changed(|case| {
        case.findings.push(Finding { id: finding_id(3), ..finding(1, Source::A) });
        case.findings.push(finding(4, Source::E));
    });
    assert_eq!(closed_by(&case), [""; 0]);
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

#[test]
fn e4_wants_a_delivered_referral_to_every_jurisdiction_concerned() {
    table(&[
        ("E4 not-recorded", |case| case.facts.concerned = None),
        ("E4 not-referred", |case| drop(case.referrals.remove(0))),
        ("E4 not-referred", |case| drop(case.referrals.remove(1))),
        ("E4 not-referred", |case| drop(case.referrals.remove(2))),
        ("E4 not-referred, E4 not-referred, E4 not-referred", |case| case.referrals.clear()),
        ("E4 no-jurisdiction", |case| {
            case.facts.concerned.as_mut().expect("recorded").fact.offence = Placement::In(Vec::new());
        }),
        ("E4 not-referred", |case| {
            case.facts.concerned.as_mut().expect("recorded").fact.suspect =
                Placement::In(vec![jurisdiction("CC")]);
        }),
    ]);
}

#[test]
fn mail_that_was_only_accepted_is_no_delivery() {
    use crate::{Authority, Channel, Referral};
    let case = changed(|case| {
        let authority = Authority::unverified(text("Desk")).called_back(liaison(), ago(HOUR * 24));
        let sent = Referral::draft(referral_id(1), to("AA"), authority, liaison(), ago(HOUR * 10))
            .seal(Digest::of(b"packet"), ago(HOUR * 10))
            .and_then(|referral| referral.send(Channel::Email, ago(HOUR * 10)));
        case.referrals[0] = sent.expect("sent");
    });
    assert_eq!(closed_by(&case), ["E4 not-referred"]);
}

#[test]
fn an_authority_that_has_neither_answered_nor_run_out_its_clock_closes_the_gate() {
    use crate::Channel;
    let waiting = changed(|case| case.referrals[0] = delivered(1, to("AA")));
    assert_eq!(closed_by(&waiting), ["E4 awaiting-answer"], "9 h, but one channel only");
    let tried = |hours| {
        let second = delivered(1, to("AA")).send(Channel::DutyLine, ago(HOUR * hours)).expect("tried");
        changed(|case| case.referrals[0] = second)
    };
    assert_eq!(closed_by(&tried(5)), [""; 0], "silent: 9 h, second channel 5 h ago");
    assert_eq!(closed_by(&tried(3)), ["E4 awaiting-answer"]);
    // The clock ends 8 h after the first delivery, which is an hour ago.
    let awaited = |at| {
        let (verdict, first) = (gate(&tried(5), Measure::M5, at), referral_id(1));
        let awaits =
            |reason: &Closed| matches!(reason, Closed::AwaitingAnswer { referral, .. } if *referral == first);
        verdict.reasons().any(|(_, reason)| awaits(reason))
    };
    assert!(awaited(ago(HOUR + Duration::from_millis(1))) && !awaited(ago(HOUR)));
}

#[test]
fn an_objection_with_reasons_closes_the_gate_for_a_day_and_once_more() {
    let objecting = |reasons: Option<&str>| {
        let objection = Objection { reasons: reasons.map(text), renewed_at: None };
        changed(|case| case.referrals[0] = answered(1, to("AA"), Answer::Objection(objection)))
    };
    let case = objecting(Some("a live operation"));
    assert_eq!(closed_by(&case), ["E4 objection"]);
    assert_eq!(closed_by(&objecting(None)), [""; 0], "without reasons it is an answer like others");
    // Raised an hour ago: it ends 23 h from now.
    let ends = now().plus(HOUR * 23);
    assert!(closed_at(&case, Measure::M5, ends.minus(MINUTE)).contains(&"E4 objection".to_owned()));
    assert!(!closed_at(&case, Measure::M5, ends).contains(&"E4 objection".to_owned()));
    let mut renewed = case.clone();
    renewed.referrals[0] = renewed.referrals[0].clone().renew_objection(ends.minus(HOUR)).expect("renewed");
    let later = ends.plus(HOUR * 23);
    assert!(closed_at(&renewed, Measure::M5, later.minus(MINUTE)).contains(&"E4 objection".to_owned()));
    assert!(!closed_at(&renewed, Measure::M5, later).contains(&"E4 objection".to_owned()));
    assert!(renewed.referrals[0].clone().renew_objection(later.minus(HOUR)).is_err());
    assert!(
        renewed.referrals[0]
            .clone()
            .answer(Answer::Objection(Objection { reasons: None, renewed_at: None }), later)
            .is_err()
    );
}

#[test]
fn an_objection_of_an_authority_not_concerned_closes_nothing() {
    let case = changed(|case| {
        let objection = Objection { reasons: Some(text("no")), renewed_at: None };
        case.referrals.push(answered(4, to("CC"), Answer::Objection(objection)));
    });
    assert_eq!(closed_by(&case), [""; 0]);
}

#[test]
fn the_fallback_stands_in_for_an_authority_that_endangers_the_person() {
    let case = changed(|case| {
        let reason = text("it persecutes the person");
        let fact = &mut case.facts.concerned.as_mut().expect("recorded").fact;
        fact.endangering = vec![Endangering { jurisdiction: jurisdiction("BB"), reason }];
        case.referrals.remove(1);
    });
    assert_eq!(closed_by(&case), [""; 0], "the fallback was asked");
    let case = changed(|case| {
        let fact = &mut case.facts.concerned.as_mut().expect("recorded").fact;
        let reason = text("it persecutes the person");
        fact.endangering = vec![Endangering { jurisdiction: jurisdiction("BB"), reason }];
        fact.suspect = Placement::In(vec![jurisdiction("AA")]);
        case.referrals.remove(2);
    });
    assert_eq!(closed_by(&case), ["E4 not-referred"], "the fallback was not asked");
}

#[test]
fn a_horizon_shorter_than_the_clock_needs_two_channels_and_shortens_the_lease() {
    use crate::{Channel, Delivery, DeliveryProof};
    // Delivered nine hours ago means the clock ended an hour ago, so the horizon must lie before that;
    // here the delivery is fresh instead.
    let fresh = |two: bool| {
        let mut referral = delivered(1, to("AA"));
        let crate::ReferralState::Delivered { traffic, .. } = &mut referral.state else {
            panic!("delivered")
        };
        traffic.attempts[0].at = ago(HOUR);
        traffic.deliveries[0].at = ago(HOUR);
        if two {
            let proof = DeliveryProof::DutyLineCall { line_verified_at: ago(HOUR * 24), log: evidence_id(8) };
            let call = Delivery { channel: Channel::DutyLine, at: ago(MINUTE), proof };
            referral = referral
                .send(Channel::DutyLine, ago(MINUTE))
                .and_then(|referral| referral.deliver(call))
                .expect("delivered on a second channel");
        }
        referral
    };
    let with = |horizon, two| {
        changed(|case| {
            case.referrals[0] = fresh(two);
            case.facts.danger.as_mut().expect("recorded").fact.horizon = horizon;
        })
    };
    let soon = Horizon::By(now().plus(HOUR * 2));
    assert_eq!(closed_by(&with(soon, false)), ["E4 awaiting-answer"]);
    for horizon in [soon, Horizon::Ongoing] {
        let verdict = gate(&with(horizon, true), Measure::M5, now());
        assert!(verdict.open, "{:?}", verdict.reasons().collect::<Vec<_>>());
        assert_eq!(verdict.lease_max(), HOUR * 12);
    }
    let late = Horizon::By(now().plus(HOUR * 8));
    assert_eq!(closed_by(&with(late, true)), ["E4 awaiting-answer"], "there is time to wait");
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

fn both_rated(first: crate::Rating, second: crate::Rating) -> Ratings {
    Ratings::Opened { first, second }
}

#[test]
fn e7_wants_two_blind_ratings_that_agree() {
    let says = |by, credibility| rating(by, credibility);
    use Credibility::{Credible, NotCredible};
    let with = |ratings: Ratings| closed_by(&changed(|case| second(case).ratings = ratings));
    assert_eq!(
        with(Ratings::Sealed(says(assessor(1), Credible))),
        ["E7 second-rating-missing", "E7 no-agreed-pair"]
    );
    assert_eq!(
        with(both_rated(says(assessor(1), Credible), says(assessor(2), NotCredible))),
        ["E7 ratings-disagree", "E7 no-agreed-pair"]
    );
    assert_eq!(
        with(both_rated(says(assessor(1), Credible), says(assessor(1), Credible))),
        ["E7 rated-twice-by-one", "E7 no-agreed-pair"]
    );
    let sighted = crate::Rating { unsighted: false, ..says(assessor(2), Credible) };
    assert_eq!(
        with(both_rated(says(assessor(1), Credible), sighted)),
        ["E7 rated-with-sight", "E7 no-agreed-pair"]
    );
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
            let words = vec![text("I would wait")];
            case.facts.legal_review.as_mut().expect("recorded").fact.dissent = Some(Dissent::Attached(words));
        }),
        ("E7 not-by-legal, E7 legal-also-rated", |case| {
            case.facts.legal_review.as_mut().expect("recorded").by = assessor(1);
        }),
    ]);
}

#[test]
fn e7_and_e9_must_hold_for_the_same_pair() {
    // Four findings; two have agreeing ratings, and of those the site removed one promptly. Each
    // condition finds a pair of its own, but no pair has both.
    let case = changed(|case| {
        let mut third = finding(3, Source::A);
        third.ratings = Ratings::Sealed(rating(assessor(1), Credibility::Credible));
        case.findings.push(third);
        let fact = &mut case.facts.site_conduct.as_mut().expect("recorded").fact;
        let items = vec![finding_id(1), finding_id(2), finding_id(3)];
        fact.notice = Some(Notice::Given { at: ago(HOUR * 2), items, reply: None });
        fact.items[0].outcome = ItemOutcome::Removed { at: ago(MINUTE * 100) };
        fact.items.push(ItemConduct { finding: finding_id(3), outcome: ItemOutcome::StillUp });
    });
    assert_eq!(closed_by(&case), ["E9 removed-promptly", "E9 no-pair-left"]);
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

fn conduct(case: &mut Case) -> &mut SiteConduct {
    &mut case.facts.site_conduct.as_mut().expect("recorded").fact
}

#[test]
fn e9_wants_the_customer_heard_and_the_site_s_conduct_recorded() {
    table(&[
        ("E9 not-recorded", |case| case.facts.site_conduct = None),
        ("E9 customer-not-told", |case| conduct(case).notice = None),
        ("E9 hearing-runs", |case| {
            let items = vec![finding_id(1), finding_id(2)];
            conduct(case).notice = Some(Notice::Given { at: ago(MINUTE * 59), items, reply: None });
        }),
        ("E9 not-told-of, E9 no-pair-left", |case| {
            let items = vec![finding_id(1)];
            conduct(case).notice = Some(Notice::Given { at: ago(HOUR * 2), items, reply: None });
        }),
        ("E9 conduct-not-recorded, E9 no-pair-left", |case| conduct(case).items.truncate(1)),
        ("", |case| conduct(case).items[0].outcome = ItemOutcome::Reposted { at: ago(MINUTE) }),
    ]);
}

#[test]
fn a_site_that_cures_within_the_hour_closes_the_gate() {
    let removed = |minutes_after_notice: u32| {
        let at = ago(HOUR * 2).plus(MINUTE * minutes_after_notice);
        closed_by(&changed(|case| conduct(case).items[0].outcome = ItemOutcome::Removed { at }))
    };
    assert_eq!(removed(20), ["E9 removed-promptly", "E9 no-pair-left"]);
    assert_eq!(removed(60), ["E9 removed-promptly", "E9 no-pair-left"]);
    assert_eq!(removed(61), [""; 0]);
}

#[test]
fn planted_items_that_moderators_remove_in_twenty_minutes_close_the_gate() {
    let case = changed(|case| {
        let at = ago(HOUR * 6).plus(MINUTE * 20);
        conduct(case).notice = Some(withheld(WithheldBecause::EndangersSomeone));
        conduct(case).items[1].outcome = ItemOutcome::Removed { at };
    });
    assert_eq!(closed_by(&case), ["E9 removed-promptly", "E9 no-pair-left"]);
}

fn withheld(because: WithheldBecause) -> Notice {
    Notice::Withheld { because, reason: text("the person would be found") }
}

#[test]
fn telling_may_be_left_out_for_two_reasons_only() {
    let case = changed(|case| {
        conduct(case).notice = Some(withheld(WithheldBecause::EndangersSomeone));
        conduct(case).items.clear();
    });
    assert_eq!(closed_by(&case), [""; 0]);
    let short = |horizon| {
        closed_by(&changed(|case| {
            conduct(case).notice = Some(withheld(WithheldBecause::HorizonShorter));
            case.facts.danger.as_mut().expect("recorded").fact.horizon = horizon;
        }))
    };
    assert_eq!(short(Horizon::By(now().plus(MINUTE * 59))), [""; 0]);
    assert_eq!(short(Horizon::Ongoing), [""; 0]);
    assert_eq!(short(Horizon::By(now().plus(MINUTE * 60))), ["E9 horizon-long-enough"]);
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
