use super::*;
use crate::fixtures::*;
use crate::{Answer, Credibility, LegalConclusion, LegalReview, Source};
use vocabulary::Digest;

fn unrated(number: u8) -> Finding {
    Finding { ratings: Ratings::Awaited, ..finding(number, Source::A) }
}

#[test]
fn findings_come_in_unrated_and_once() {
    let mut case = open_case();
    assert_eq!(case.add_finding(unrated(3)), Ok(()));
    assert_eq!(case.add_finding(unrated(3)).expect_err("twice").name(), "already-there");
    assert_eq!(case.add_finding(finding(4, Source::A)).expect_err("rated").name(), "rated-already");
    let heavy = Finding { evidence: vec![evidence_id(1); 21], ..unrated(5) };
    assert_eq!(case.add_finding(heavy).expect_err("heavy").name(), "too-many");
}

#[test]
fn two_officers_rate_and_no_more() {
    let mut case = open_case();
    case.add_finding(unrated(3)).expect("added");
    let mut rate =
        |by| case.rate(finding_id(3), rating(by, Credibility::Credible)).map_err(|refusal| refusal.name());
    assert_eq!(rate(officer(policy::Role::Intake, "intake-1")), Err("role-does-not-rate"));
    assert_eq!(rate(assessor(1)), Ok(()));
    assert_eq!(rate(assessor(1)), Err("same-officer-rates-twice"));
    assert_eq!(rate(duty()), Ok(()));
    assert_eq!(rate(assessor(2)), Err("ratings-complete"));
    let unknown = case.rate(finding_id(9), rating(duty(), Credibility::Credible));
    assert_eq!(unknown.expect_err("unknown").name(), "no-such-finding");
}

#[test]
fn a_lone_rating_stays_sealed() {
    let mut case = open_case();
    case.add_finding(unrated(3)).expect("added");
    case.rate(finding_id(3), rating(assessor(1), Credibility::NotCredible)).expect("rated");
    let view = case.sealed_view();
    let lone = view["findings"][2]["ratings"].to_string();
    assert!(lone.contains("assessor-1") && !lone.contains("credib") && !lone.contains("reason"), "{lone}");
    assert!(view["findings"][0]["ratings"].to_string().contains("\"credible\""), "opened ratings are shown");
    case.rate(finding_id(3), rating(assessor(2), Credibility::Credible)).expect("rated");
    assert!(case.sealed_view()["findings"][2]["ratings"].to_string().contains("not-credible"));
}

#[test]
fn only_legal_reviewers_conclude_on_the_law() {
    let fact = || {
        Fact::LegalReview(LegalReview {
            conclusion: LegalConclusion::Lawful,
            sealed_view: Digest::of(b"view"),
            dissent: None,
        })
    };
    assert_eq!(open_case().record(fact(), assessor(1), now()), Err(CaseRefusal::NotLegal(assessor(1))));
    assert_eq!(open_case().record(fact(), legal(), now()), Ok(()));
}

#[test]
fn a_closed_case_takes_answers_and_nothing_else() {
    let mut case = open_case().close(duty(), now(), text("unfounded")).expect("closed");
    assert_eq!(case.clone().close(duty(), now(), text("again")).err(), Some(CaseRefusal::Closed));
    assert_eq!(case.add_finding(unrated(3)), Err(CaseRefusal::Closed));
    assert_eq!(case.record(Fact::Danger(danger()), duty(), now()), Err(CaseRefusal::Closed));
    assert_eq!(case.add_referral(delivered(9, crate::Addressee::Fallback)), Err(CaseRefusal::Closed));
    let answer = case.step_referral(referral_id(1), |referral| referral.answer(Answer::Order, now()));
    assert_eq!(answer, Ok(crate::Received::Answered));
}

#[test]
fn a_refused_step_leaves_the_referral_as_it_was() {
    let mut case = open_case();
    let before = case.clone();
    let step =
        case.step_referral(referral_id(1), |referral| referral.fall_silent(now()).map(|moved| (moved, ())));
    assert_eq!(step.expect_err("answered").name(), "referral-in-wrong-state");
    assert_eq!(case, before);
    let unknown = case.step_referral(referral_id(9), |referral| Ok((referral, ())));
    assert_eq!(unknown.expect_err("unknown").name(), "no-such-referral");
    assert_eq!(case.add_referral(case.referrals[0].clone()).expect_err("twice").name(), "already-there");
}

#[test]
fn cases_are_bounded() {
    let mut case = open_case();
    case.findings = vec![unrated(1); FINDINGS_MAX];
    case.referrals = vec![delivered(1, crate::Addressee::Fallback); REFERRALS_MAX];
    assert_eq!(case.add_finding(unrated(3)).expect_err("full").name(), "too-many");
    assert_eq!(
        case.add_referral(delivered(9, crate::Addressee::Fallback)).expect_err("full").name(),
        "too-many"
    );
}

#[test]
fn texts_are_never_empty_or_endless() {
    let parse = |text: &str| text.parse::<Text>().map_err(|error| error.to_string());
    assert_eq!(parse("  a reason\n").map(|text| text.to_string()), Ok("a reason".to_owned()));
    for bad in ["", " \n ", "a\u{7}b", &"x".repeat(crate::TEXT_MAX + 1)] {
        assert!(parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn what_a_newer_fact_replaces_stays_in_the_case() {
    let mut case = open_case();
    let before = case.facts.danger.clone().expect("recorded");
    case.record(Fact::Danger(danger()), duty(), now()).expect("recorded");
    let kept = crate::Recorded { by: before.by, at: before.at, fact: Fact::Danger(before.fact) };
    assert_eq!(case.superseded, [kept]);
    while case.superseded.len() < SUPERSEDED_MAX {
        case.record(Fact::Danger(danger()), duty(), now()).expect("recorded");
    }
    let full = case.record(Fact::Danger(danger()), duty(), now()).expect_err("full");
    assert_eq!(full.name(), "too-many");
}

#[test]
fn a_declared_conflict_stands() {
    let mut case = open_case();
    let declare =
        |conflict: Option<&str>| Fact::Declaration(crate::Declaration { conflict: conflict.map(text) });
    case.record(declare(Some("a neighbour")), duty(), now()).expect("declared");
    let taken_back = case.record(declare(None), duty(), now()).expect_err("it stands");
    assert_eq!(taken_back.name(), "conflict-stands");
    assert_eq!(case.record(declare(Some("a neighbour and a debtor")), duty(), now()), Ok(()));
    assert_eq!(case.record(declare(None), assessor(1), now()), Ok(()), "others declare for themselves");
}

#[test]
fn a_dissent_stays_attached() {
    let mut case = open_case();
    let review = |dissent| {
        let (conclusion, sealed_view) = (LegalConclusion::Lawful, Digest::of(b"view"));
        Fact::LegalReview(LegalReview { conclusion, sealed_view, dissent })
    };
    let words = |words: &str| crate::Dissent::Attached(vec![words.parse().expect("words")]);
    case.record(review(Some(words("I would wait"))), legal(), now()).expect("recorded");
    for dissent in [None, Some(crate::Dissent::NoneVoiced), Some(words("Too broad"))] {
        case.record(review(dissent), legal(), now()).expect("recorded");
    }
    let kept = case.facts.legal_review.and_then(|review| review.fact.dissent);
    assert!(matches!(kept, Some(crate::Dissent::Attached(kept)) if kept.len() == 2));
}

#[test]
fn facts_name_findings_of_this_case_and_say_which_files_they_rest_on() {
    let mut case = open_case();
    let mut conduct = site_conduct();
    conduct.items[0].finding = finding_id(77);
    let unknown = case.record(Fact::SiteConduct(conduct), duty(), now()).expect_err("no such finding");
    assert_eq!(unknown.name(), "no-such-finding");
    let notice = crate::Notice::Given { at: ago(HOUR), items: vec![finding_id(78)], reply: None };
    let conduct = crate::SiteConduct { notice: Some(notice), items: Vec::new() };
    let unknown = case.record(Fact::SiteConduct(conduct), duty(), now()).expect_err("no such finding");
    assert_eq!(unknown.name(), "no-such-finding");
    let outcome = crate::Outcome::Failed { reposted_at: ago(HOUR), evidence: evidence_id(7) };
    let considered = vec![crate::Considered { measure: policy::Measure::M3, outcome }];
    let fact = Fact::LesserMeasures(crate::LesserMeasures { considered });
    assert_eq!(fact.evidence(), [evidence_id(7)]);
    let call = crate::DeliveryProof::DutyLineCall { line_verified_at: now(), log: evidence_id(9) };
    assert_eq!((call.evidence(), crate::DeliveryProof::DeskRead.evidence()), (Some(evidence_id(9)), None));
}

#[test]
fn attention_shows_only_once_every_finding_has_both_ratings() {
    let mut case = open_case();
    case.attention = crate::Attention { reports: 10_000, campaign_signals: 7 };
    assert!(case.is_rated());
    assert_eq!(case.sealed_view()["attention"]["reports"], 10_000);
    case.findings[0].ratings = Ratings::Awaited;
    assert!(case.sealed_view().get("attention").is_none());
    case.findings.clear();
    assert!(case.sealed_view().get("attention").is_none(), "nothing was rated");
}
