use super::*;

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

#[test]
fn an_untold_site_that_removes_late_does_not_close_the_gate() {
    let case = changed(|case| {
        conduct(case).notice = Some(withheld(WithheldBecause::EndangersSomeone));
        conduct(case).items[1].outcome = ItemOutcome::Removed { at: ago(HOUR * 6).plus(MINUTE * 61) };
    });
    assert_eq!(closed_by(&case), [""; 0]);
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
