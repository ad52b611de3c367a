use super::*;

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
            second(case).sha256 = vec![Digest::of(b"9"), Digest::of(b"1")];
        }),
        ("E1 same-capture, E7 no-agreed-pair, E9 no-pair-left", |case| {
            second(case).sha256 = finding(1, Source::A).sha256;
        }),
        (not_counted, |case| second(case).evidence.clear()),
        (not_counted, |case| second(case).sha256.clear()),
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
fn one_address_in_two_spellings_is_one_item() {
    for other in [
        "https://board.test/post/1#reply",
        "https://BOARD.test/post/1",
        "HTTPS://board.test:443/post/1/",
        "https://board.test./post/1/#",
    ] {
        let case = changed(|case| second(case).item = text(other));
        assert!(closed_by(&case).contains(&"E1 same-item".to_owned()), "{other}");
    }
    for other in ["https://board.test/post/1?page=2", "https://board.test/Post/1"] {
        assert_eq!(closed_by(&changed(|case| second(case).item = text(other))), [""; 0], "{other}");
    }
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
        finding.ratings = both_rated(old, rating(assessor(2), Credibility::Credible));
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

fn both_rated(first: crate::Rating, second: crate::Rating) -> Ratings {
    Ratings::Opened { first, second }
}

#[test]
fn e7_wants_two_blind_ratings_that_agree() {
    let says = |by, credibility| rating(by, credibility);
    use Credibility::{Credible, NotCredible};
    let with = |ratings: Ratings| closed_by(&changed(|case| second(case).ratings = ratings));
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
fn a_lone_rating_says_nothing_through_reasons_or_input_hash() {
    let sealed = |credibility, unsighted, reason| {
        let own = rating(assessor(1), credibility);
        let own = crate::Rating { unsighted, reason: text(reason), ..own };
        let case = changed(|case| second(case).ratings = Ratings::Sealed(own));
        gate(&case, Measure::M5, now())
    };
    let credible = sealed(Credibility::Credible, true, "a call with a time");
    assert_eq!(credible, sealed(Credibility::NotCredible, true, "a quotation"));
    assert_eq!(credible, sealed(Credibility::Credible, false, "I saw the other one"));
    let named: Vec<_> = credible.reasons().map(|(condition, reason)| (condition, reason.name())).collect();
    assert_eq!(named[0], (E1, "finding-not-counted".to_owned()));
    let said = credible.reasons().next().map(|(_, reason)| reason.to_string());
    assert!(said.is_some_and(|said| said.contains("stays sealed")));
}

#[test]
fn e7_and_e9_must_hold_for_the_same_pair() {
    // Two findings have agreeing ratings, and of those the site removed one promptly; the third was left
    // up but its ratings differ. Each condition finds a pair of its own, and no pair has both.
    let case = changed(|case| {
        let mut third = finding(3, Source::A);
        third.ratings = both_rated(
            rating(assessor(1), Credibility::Credible),
            rating(assessor(2), Credibility::NotCredible),
        );
        case.findings.push(third);
        let fact = &mut case.facts.site_conduct.as_mut().expect("recorded").fact;
        let items = vec![finding_id(1), finding_id(2), finding_id(3)];
        fact.notice = Some(Notice::Given { at: ago(HOUR * 2), items, reply: None });
        fact.items[0].outcome = ItemOutcome::Removed { at: ago(MINUTE * 100) };
        fact.items.push(ItemConduct { finding: finding_id(3), outcome: ItemOutcome::StillUp });
    });
    assert_eq!(closed_by(&case), ["E9 removed-promptly", "E9 no-pair-left"]);
}
