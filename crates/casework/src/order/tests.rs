//! An order: authenticated by key and call, examined, accepted or refused, carried out.

use super::*;
use crate::Addressee;
use crate::fixtures::*;
use policy::Measure;
use vocabulary::SitePattern;

/// The court after a call about the order with this outcome.
fn called(outcome: CallOutcome) -> DirectoryEntry {
    let mut court = court();
    court.call_back(liaison_named(2), outcome, None, now()).expect("noted");
    court
}

fn demanded() -> Demanded {
    crate::fixtures::demanded(Measure::M4, &["https://www.board.test/thread/9", "board.test"])
}

fn sign(order: &Order, seed: u64) -> Signature {
    authority_key(seed).sign(&order_digest(&order.text)).signature
}

fn faults(demanded: &Demanded) -> Vec<&'static str> {
    let served: Vec<SitePattern> =
        ["board.test", "*.board.test"].map(|one| one.parse().expect("fine")).into();
    let found = demanded.examine(&court(), Served(&served), now());
    found.into_iter().map(|fault| fault.because.name()).collect()
}

fn authentic() -> Order {
    crate::fixtures::authentic(&demanded())
}

#[test]
fn an_order_needs_key_and_call_back_both() {
    let order = received(&demanded());
    let signature = sign(&order, 5);
    let only_signed = order.clone().signed(&signature, &court(), now()).expect("signed");
    assert_eq!(only_signed.accept(&[], legal(), now()), Err(OrderRefusal::NotAuthentic));
    let only_called = order.clone().called_back(&called(CallOutcome::Confirmed), now()).expect("called");
    assert_eq!(only_called.accept(&[], legal(), now()), Err(OrderRefusal::NotAuthentic));
    assert_eq!(order.accept(&[], legal(), now()), Err(OrderRefusal::NotAuthentic));
    let valid = authentic().accept(&[], legal(), now()).expect("valid");
    assert_eq!(valid.state.name(), "valid");
    assert_eq!(authentic().accept(&[], duty(), now()), Err(OrderRefusal::NotLegal(duty())));
}

#[test]
fn a_foreign_key_another_text_and_an_ended_key_sign_nothing() {
    let order = received(&demanded());
    let foreign = OrderRefusal::ForeignSignature;
    assert_eq!(order.clone().signed(&sign(&order, 2), &court(), now()), Err(foreign.clone()));
    let other = Order {
        text: Demanded { law: text("another"), ..demanded() }.to_text().expect("text"),
        ..order.clone()
    };
    assert_eq!(order.clone().signed(&sign(&other, 5), &court(), now()), Err(foreign.clone()));
    let mut ended = court();
    ended.end_key(&court_key().public(), now()).expect("ended");
    assert_eq!(order.clone().signed(&sign(&order, 5), &ended, now()), Err(foreign));
    let stranger = DirectoryEntry { id: AuthorityId::from_bytes([9; 16]), ..court() };
    let unknown = order.clone().signed(&sign(&order, 5), &stranger, now());
    assert_eq!(unknown, Err(OrderRefusal::NotInDirectory));
}

#[test]
fn only_a_call_after_the_order_came_that_confirms_it_counts() {
    let order = received(&demanded());
    assert_eq!(order.clone().called_back(&court(), now()), Err(OrderRefusal::NotCalledBack));
    for outcome in [CallOutcome::Denied, CallOutcome::Unanswered] {
        let called = order.clone().called_back(&called(outcome), now());
        assert_eq!(called, Err(OrderRefusal::CallNotConfirmed));
    }
}

#[test]
fn an_order_that_is_wrong_on_its_face_can_only_be_refused() {
    assert!(faults(&demanded()).is_empty());
    let with = |change: fn(&mut Demanded)| {
        let mut wrong = demanded();
        change(&mut wrong);
        faults(&wrong)
    };
    assert_eq!(with(|one| one.addresses = vec!["https://bord.test/9".to_owned()]), ["manifest-error"]);
    assert_eq!(with(|one| one.addresses = vec!["ftp://board.test".to_owned()]), ["manifest-error"]);
    assert_eq!(with(|one| one.addresses = vec!["https://x@board.test/".to_owned()]), ["manifest-error"]);
    assert_eq!(with(|one| one.addresses.clear()), ["incomplete"]);
    assert_eq!(with(|one| one.territories.clear()), ["incomplete"]);
    assert_eq!(with(|one| one.territories.push(jurisdiction("BB"))), ["exceeds-territory"]);
    assert_eq!(with(|one| one.remedy = None), ["no-judicial-remedy"]);
    assert_eq!(with(|one| one.until = one.issued_at), ["manifest-error"]);
    assert_eq!(with(|one| one.measure = Measure::M1), ["service-not-covered"]);
    let fallback = DirectoryEntry { stands_for: Addressee::Fallback, ..court() };
    let found = demanded().examine(
        &fallback,
        Served(&["board.test".parse().expect("fine"), "*.board.test".parse().expect("fine")]),
        now(),
    );
    assert_eq!(found[0].because, RefusedBecause::AuthorityNotCompetent);
    let fault = found[0].clone();
    let refused = authentic().accept(&found, legal(), now());
    assert_eq!(refused, Err(OrderRefusal::Faulty(fault)));
}

#[test]
fn a_refusal_bears_a_reason_from_the_list_and_ends_the_order() {
    for because in RefusedBecause::ALL {
        let refused = authentic().refuse(because, text("for this reason"), legal(), now()).expect("refused");
        assert_eq!(refused.state.name(), "refused");
        assert!(refused.clone().accept(&[], legal(), now()).is_err());
        let json = serde_json::to_string(&because).expect("json");
        assert_eq!(json, format!("\"{}\"", because.name()));
    }
}

#[test]
fn an_order_is_carried_out_reported_back_and_withdrawn() {
    let valid = authentic().accept(&[], legal(), now()).expect("valid");
    assert!(authentic().executed(DecisionId::from_bytes([3; 16]), now()).is_err());
    let decision = DecisionId::from_bytes([3; 16]);
    let executed = valid.executed(decision, now()).expect("executed");
    let told = executed.report(text("blocked at 7 of 8 edges"), now()).expect("reported");
    let withdrawn = told.withdraw(liaison_named(1), now()).expect("withdrawn");
    assert!(
        matches!(withdrawn.state, OrderState::Withdrawn { decision: Some(lifted), .. } if lifted == decision)
    );
    assert!(withdrawn.clone().withdraw(liaison_named(1), now()).is_err());
    let json = serde_json::to_string(&withdrawn).expect("json");
    assert_eq!(serde_json::from_str::<Order>(&json).expect("read"), withdrawn);
}

#[test]
fn a_text_that_is_not_canonical_is_no_order() {
    let text = demanded().to_text().expect("text");
    for wrong in [
        text.replace("\"measure\"", " \"measure\""),
        text.replace("wardmote-order/1", "wardmote-order/2"),
        text.replace("\"until\"", "\"untill\""),
        String::new(),
        "x".repeat(300_000),
    ] {
        assert!(Order::receive(wrong, None, now()).is_err());
    }
}

#[test]
fn the_signature_stays_with_an_order_to_its_end() {
    let order = received(&demanded());
    let signature = sign(&order, 5);
    let kept = SignedBy { key: court_key().public(), signature };
    let valid = authentic().accept(&[], legal(), now()).expect("valid");
    let OrderState::Valid { authentic, .. } = &valid.state else { panic!("{:?}", valid.state) };
    assert_eq!(authentic.signed, kept);
    assert!(authentic.signed.key.verifies(&order_digest(&valid.text), &authentic.signed.signature));
    let told = valid.executed(DecisionId::from_bytes([3; 16]), now()).expect("executed");
    let told = told.report(text("done"), now()).expect("reported");
    let OrderState::EffectReported { authentic, .. } = &told.state else { panic!("{:?}", told.state) };
    assert_eq!(authentic.signed, kept);
}

#[test]
fn the_same_text_is_the_same_order_and_another_one_is_another() {
    let other = Demanded { reference: text("18 Qs 3/26"), ..demanded() };
    assert_eq!(received(&demanded()).id, received(&demanded()).id);
    assert_ne!(received(&demanded()).id, received(&other).id);
}
