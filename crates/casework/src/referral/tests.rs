use super::*;
use crate::fixtures::{
    HOUR, MINUTE, ago, answered, delivered, evidence_id, jurisdiction, liaison, now, referral_id, text,
};

fn addressee() -> Addressee {
    Addressee::Jurisdiction(jurisdiction("AA"))
}

fn draft() -> Referral {
    Referral::draft(referral_id(1), addressee(), Authority::unverified(text("Desk")), liaison(), ago(HOUR))
}

fn sealed() -> Referral {
    draft().seal(Digest::of(b"packet"), ago(HOUR)).expect("sealed")
}

fn objection() -> Answer {
    Answer::Objection(Objection { reasons: Some(text("a live operation")), renewed_at: None })
}

#[test]
fn a_referral_goes_its_way_and_keeps_what_it_learned() {
    let referral = delivered(1, addressee()).acknowledge(ago(HOUR)).expect("acknowledged");
    assert_eq!(referral.state.name(), "acknowledged");
    let (referral, received) = referral.answer(Answer::NonObjection, now()).expect("answered");
    assert_eq!((received, referral.state.name()), (Received::Answered, "answered"));
    let closed = referral.close(liaison(), now()).expect("closed");
    assert_eq!(closed.state.answered(), Some((&Answer::NonObjection, now())));
    assert_eq!(closed.state.traffic().and_then(Traffic::first_delivery), Some(ago(HOUR * 9)));
}

#[test]
fn steps_out_of_order_are_refused() {
    let delivery = || Delivery { channel: Channel::Desk, at: now(), proof: DeliveryProof::DeskRead };
    let name = |refused: Result<Referral, ReferralRefusal>| refused.expect_err("out of order").name();
    assert_eq!(name(draft().send(Channel::Desk, now())), "referral-in-wrong-state");
    assert_eq!(name(draft().deliver(delivery())), "referral-in-wrong-state");
    assert_eq!(name(sealed().seal(Digest::of(b"other"), now())), "referral-in-wrong-state");
    assert_eq!(name(sealed().deliver(delivery())), "referral-in-wrong-state");
    assert_eq!(name(sealed().acknowledge(now())), "referral-in-wrong-state");
    assert_eq!(name(sealed().close(liaison(), now())), "referral-in-wrong-state");
    assert_eq!(name(sealed().fall_silent(now())), "referral-in-wrong-state");
    assert_eq!(sealed().answer(Answer::Order, now()).expect_err("unsent").name(), "referral-in-wrong-state");
    let sent = sealed().send(Channel::Email, now()).expect("sent");
    assert_eq!(sent.answer(Answer::Order, now()).expect_err("undelivered").name(), "referral-in-wrong-state");
    let closed = answered(1, addressee(), Answer::Order).close(liaison(), now()).expect("closed");
    assert_eq!(name(closed.clone().send(Channel::Post, now())), "referral-in-wrong-state");
    assert_eq!(name(closed.deliver(delivery())), "referral-in-wrong-state");
}

#[test]
fn delivery_needs_its_own_proof() {
    let sent = |channel| sealed().send(channel, ago(HOUR)).expect("sent");
    let deliver = |channel, proof| sent(channel).deliver(Delivery { channel, at: now(), proof });
    let call = |line_verified_at| DeliveryProof::DutyLineCall { line_verified_at, log: evidence_id(1) };
    let reply = || DeliveryProof::SignedReply { evidence: evidence_id(1) };
    assert!(deliver(Channel::Desk, DeliveryProof::DeskRead).is_ok());
    assert!(deliver(Channel::ByHand, reply()).is_ok());
    assert!(deliver(Channel::DutyLine, call(ago(HOUR * 24 * 90))).is_ok());
    for (channel, proof, expected) in [
        (Channel::Email, DeliveryProof::DeskRead, "proof-of-other-channel"),
        (Channel::Email, call(now()), "proof-of-other-channel"),
        (Channel::DutyLine, reply(), "proof-of-other-channel"),
        (Channel::DutyLine, call(ago(HOUR * 24 * 90 + MINUTE)), "duty-line-not-verified"),
        (Channel::DutyLine, call(now().plus(MINUTE)), "duty-line-not-verified"),
    ] {
        assert_eq!(deliver(channel, proof).expect_err(expected).name(), expected);
    }
    let elsewhere = Delivery { channel: Channel::Desk, at: now(), proof: DeliveryProof::DeskRead };
    assert_eq!(
        sent(Channel::Email).deliver(elsewhere).expect_err("never sent there").name(),
        "not-sent-there"
    );
    let before = Delivery { channel: Channel::Desk, at: ago(HOUR * 2), proof: DeliveryProof::DeskRead };
    assert_eq!(sent(Channel::Desk).deliver(before).expect_err("before it was sent").name(), "back-dated");
}

#[test]
fn no_answer_eight_hours_after_delivery_with_a_second_channel_at_four_is_silence() {
    let delivered_at = ago(HOUR * 9);
    let waiting = delivered(1, addressee());
    assert!(waiting.clone().fall_silent(now()).is_err(), "one channel only");
    let tried = waiting.send(Channel::DutyLine, delivered_at.plus(HOUR * 4)).expect("tried");
    let eight = delivered_at.plus(HOUR * 8);
    assert_eq!(tried.clone().fall_silent(eight.minus(MINUTE)), Err(ReferralRefusal::ClockRuns));
    let silent = tried.fall_silent(eight).expect("silent");
    assert_eq!(silent.state.name(), "silent");
    let (late, _) = silent.answer(Answer::Order, now()).expect("a late answer is still one");
    assert_eq!(late.state.name(), "answered");
}

#[test]
fn a_second_attempt_on_the_same_channel_is_no_second_channel() {
    let waiting = delivered(1, addressee()).send(Channel::Desk, ago(HOUR * 5)).expect("tried again");
    assert_eq!(waiting.fall_silent(now()), Err(ReferralRefusal::ClockRuns));
}

#[test]
fn a_demand_from_an_unverified_sender_freezes_the_inbound_channel_only() {
    let mut unverified = delivered(1, addressee());
    unverified.authority.verified = None;
    let before = unverified.state.clone();
    let (frozen, received) = unverified.answer(Answer::Order, now()).expect("taken in");
    assert_eq!(received, Received::Frozen);
    assert_eq!(frozen.state, before, "nothing else moves");
    assert_eq!(frozen.authority.inbound, Inbound::Frozen { since: now() });
    let (still, received) = frozen.answer(Answer::Order, now()).expect("taken in");
    assert_eq!(received, Received::Frozen);
    let verified = Referral {
        authority: Authority { verified: cleared_by(), ..still.authority.clone() },
        ..still.clone()
    };
    assert_eq!(
        verified.answer(Answer::Order, now()).expect("taken in").1,
        Received::Frozen,
        "frozen stays frozen"
    );
    let cleared = Referral { authority: still.authority.clone().called_back(liaison(), now()), ..still };
    let (answered, received) = cleared.answer(Answer::Order, now()).expect("taken in");
    assert_eq!((received, answered.state.name()), (Received::Answered, "answered"));
}

fn cleared_by() -> Option<Verification> {
    Some(Verification { by: liaison(), at: now() })
}

#[test]
fn an_objection_is_renewed_once_and_never_raised_anew() {
    let objecting = answered(1, addressee(), objection());
    assert!(objecting.clone().renew_objection(ago(HOUR).plus(HOUR * 24)).is_err(), "it no longer holds");
    let renewed = objecting.clone().renew_objection(now()).expect("renewed");
    assert_eq!(renewed.clone().renew_objection(now()), Err(ReferralRefusal::NothingToRenew));
    let held = renewed.clone().answer(Answer::NonObjection, now()).expect_err("not withdrawn");
    assert_eq!(held.name(), "objection-holds");
    let (withdrawn, _) = renewed.answer(Answer::ObjectionWithdrawn, now()).expect("withdrawn");
    assert_eq!(withdrawn.answer(objection(), now()).expect_err("again"), ReferralRefusal::NothingToRenew);
    assert!(answered(1, addressee(), Answer::Order).renew_objection(now()).is_err());
}

#[test]
fn no_step_is_dated_before_the_one_before_it() {
    let early = ago(HOUR + MINUTE);
    let name = |refused: Result<Referral, ReferralRefusal>| refused.expect_err("back-dated").name();
    assert_eq!(name(draft().seal(Digest::of(b"packet"), early)), "back-dated");
    assert_eq!(name(sealed().send(Channel::Desk, early)), "back-dated");
    let sent = sealed().send(Channel::Desk, now()).expect("sent");
    assert_eq!(name(sent.clone().send(Channel::Post, ago(MINUTE))), "back-dated");
    let desk = |at| Delivery { channel: Channel::Desk, at, proof: DeliveryProof::DeskRead };
    assert_eq!(name(sent.clone().deliver(desk(ago(MINUTE)))), "back-dated");
    let delivered = sent.deliver(desk(now())).expect("delivered");
    assert_eq!(name(delivered.clone().acknowledge(ago(MINUTE))), "back-dated");
    let answer = delivered.answer(Answer::Order, ago(MINUTE)).expect_err("back-dated");
    assert_eq!(answer.name(), "back-dated");
}

#[test]
fn traffic_is_bounded() {
    let mut referral = delivered(1, addressee());
    while let Ok(more) = referral.clone().send(Channel::Post, now()) {
        referral = more;
    }
    let refused = referral.send(Channel::Post, now()).expect_err("full");
    assert_eq!(refused.name(), "too-much-traffic");
}

#[test]
fn jurisdictions_have_one_spelling() {
    assert_eq!(jurisdiction("DE").to_string(), "DE");
    for other in ["", "de", "D", "DEU", "D1", "ÄÖ"] {
        assert!(other.parse::<Jurisdiction>().is_err(), "{other:?}");
    }
}
