use super::*;
use crate::fixtures::*;
use crate::{Against, Earlier, Fact, Paragraphs, SiteConduct};
use policy::EndReason;
use vocabulary::{AppealId, CaseId};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A case whose customer was told so long ago.
fn told(before: Duration) -> Case {
    let mut case = open_case();
    let notice = Notice::Given { at: ago(before), items: vec![finding_id(1)], reply: None };
    let conduct = SiteConduct { notice: Some(notice), items: Vec::new() };
    case.record(Fact::SiteConduct(conduct), duty(), now()).expect("recorded");
    case
}

fn appeal(by: Appellant, outcome: Option<AppealOutcome>) -> Appeal {
    let grounds = paragraphs("It was not us.");
    let filed = Appeal::file(AppealId::from_bytes([1; 16]), (by, Against::Inaction), grounds, &[], ago(DAY));
    let Some(outcome) = outcome else { return filed };
    let reviewer = officer(policy::Role::Reviewer, "reviewer-1");
    let reasons: Paragraphs = paragraphs("As found.");
    let state = crate::AppealState::Decided { reviewer, at: ago(HOUR), outcome, reasons };
    Appeal { state, ..filed }
}

#[test]
fn a_service_ends_only_after_the_customer_could_appeal_and_lost_or_did_not() {
    use AppealOutcome::{Overturned, Upheld, Varied};
    let fresh = DAY;
    let old = clocks::APPEAL_WINDOW;
    for (before, appeals, heard, window) in [
        (fresh, vec![], false, false),
        (old, vec![], true, true),
        (old - MINUTE, vec![], false, false),
        (fresh, vec![(Appellant::Customer, Some(Upheld))], true, false),
        (old, vec![(Appellant::Customer, Some(Upheld))], true, true),
        (old, vec![(Appellant::Customer, None)], false, false),
        (old, vec![(Appellant::Customer, Some(Overturned))], false, false),
        (old, vec![(Appellant::Customer, Some(Varied))], false, false),
        (old, vec![(Appellant::Customer, Some(Upheld)), (Appellant::Customer, None)], false, false),
        // Whoever else appeals holds nothing up, and nobody else's appeal was the customer's.
        (old, vec![(Appellant::Reporter, None)], true, true),
        (fresh, vec![(Appellant::Reporter, Some(Upheld))], false, false),
    ] {
        let mut case = told(before);
        case.appeals = appeals.iter().map(|(by, outcome)| appeal(*by, *outcome)).collect();
        assert_eq!(was_heard(&case, now()), heard, "{before:?} {appeals:?}");
        assert_eq!(window_passed(&case, now()), window, "{before:?} {appeals:?}");
    }
}

#[test]
fn a_debt_ends_no_service_that_a_case_is_about() {
    let own = Case { referrals: Vec::new(), ..open_case() };
    let other = |closed: Option<Duration>| {
        let case = Case { id: CaseId::from_bytes([77; 16]), ..own.clone() };
        match closed {
            Some(before) => case.close(duty(), ago(before), text("over")).expect("closed"),
            None => case,
        }
    };
    let none = || Earlier::of(own.account, [], &Trial::new().founding.roster);
    assert!(!none().is_quiet(&own, now()), "nothing was looked up, so nothing is known");
    for (cases, quiet) in [
        (vec![own.clone()], true),
        (vec![own.clone(), other(None)], false),
        (vec![other(Some(clocks::QUIET_AFTER_CASE))], true),
        (vec![other(Some(clocks::QUIET_AFTER_CASE - MINUTE))], false),
    ] {
        assert_eq!(none().beside(&cases).is_quiet(&own, now()), quiet);
    }
    let referred = open_case();
    assert!(!referred.referrals.is_empty());
    assert!(!none().beside([&referred]).is_quiet(&referred, now()), "it was put before an authority");
}

#[test]
fn settings_go_a_day_before_the_last_and_not_when_the_decision_was_undone() {
    let mut decision = crate::decision::tests::in_force();
    assert_eq!(decision.settings_go_at(), None, "a block deletes nothing");
    decision.terms.measure = Measure::M7;
    assert_eq!(decision.settings_go_at(), Some(decision.terms.expires.minus(DAY)));
    let mut abroad = decision.clone();
    abroad.terms.territories.insert("DE".parse().expect("a code"));
    assert_eq!(abroad.settings_go_at(), None, "it goes on elsewhere");
    let lifted = decision.lift(EndReason::Mistaken, decision.terms.not_before);
    assert!(lifted.is_ok());
    decision.state = DecisionState::Proposed;
    assert_eq!(decision.settings_go_at(), None);
}
