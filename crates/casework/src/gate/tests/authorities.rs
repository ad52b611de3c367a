use super::*;

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
fn an_objection_of_an_authority_that_nobody_verified_closes_nothing() {
    let case = changed(|case| {
        let objection = Objection { reasons: Some(text("no")), renewed_at: None };
        case.referrals[0] = answered(1, to("AA"), Answer::Objection(objection));
        case.referrals[0].authority.verified = None;
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
    // Delivered an hour ago, so that the clock still runs.
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
