//! An order: authenticated by key and call, examined, accepted or refused, carried out.

use super::*;
use crate::fixtures::*;
use crate::{Addressee, DutyLine};
use policy::{Measure, OfficerKey};
use std::time::Duration;
use vocabulary::{SeededRandom, SitePattern};

fn key(seed: u64) -> OfficerKey {
    OfficerKey::generate(&SeededRandom::new(seed), "authority".parse().expect("a name"), Role::Legal)
}

fn liaison(number: u32) -> Officer {
    officer(Role::AuthorityLiaison, &format!("authority-liaison-{number}"))
}

/// An authority of AA with one confirmed key, verified two hours ago.
fn entry() -> DirectoryEntry {
    let before = now().minus(HOUR * 2);
    let id = AuthorityId::from_bytes([1; 16]);
    let stands_for = Addressee::Jurisdiction(jurisdiction("AA"));
    let mut entry = DirectoryEntry::enter(id, text("Court of AA"), stands_for, liaison(1), before);
    let line = DutyLine { number: text("+999 100"), source: text("the state's handbook") };
    entry.set_duty_line(line).expect("set");
    entry.call_back(liaison(1), CallOutcome::Confirmed, None, before).expect("noted");
    entry.enter_key(key(1).public(), liaison(1), before).expect("entered");
    entry.confirm_key(&key(1).public(), liaison(2), before).expect("confirmed");
    entry
}

/// The same after a call about the order.
fn called(outcome: CallOutcome) -> DirectoryEntry {
    let mut entry = entry();
    entry.call_back(liaison(2), outcome, None, now()).expect("noted");
    entry
}

fn demanded() -> Demanded {
    Demanded {
        format: Demanded::FORMAT.to_owned(),
        authority: AuthorityId::from_bytes([1; 16]),
        reference: text("17 Qs 3/26"),
        law: text("Act on danger, section 4"),
        offence: text("public call to kill"),
        remedy: Some(text("complaint to the court of appeal within 14 days")),
        issued_at: now().minus(HOUR),
        measure: Measure::M4,
        addresses: vec!["https://www.board.test/thread/9".to_owned(), "board.test".to_owned()],
        territories: vec![jurisdiction("AA")],
        until: now().plus(Duration::from_secs(30 * 24 * 3_600)),
    }
}

fn order(demanded: &Demanded) -> Order {
    let id = OrderId::from_bytes([2; 16]);
    Order::receive(id, demanded.to_text().expect("text"), None, now()).expect("an order")
}

fn sign(order: &Order, seed: u64) -> Signature {
    key(seed).sign(&order_digest(&order.text)).signature
}

fn faults(demanded: &Demanded) -> Vec<&'static str> {
    let served: Vec<SitePattern> =
        ["board.test", "*.board.test"].map(|one| one.parse().expect("fine")).into();
    let found = demanded.examine(&entry(), Served(&served), now());
    found.into_iter().map(|fault| fault.because.name()).collect()
}

fn authentic() -> Order {
    let order = order(&demanded());
    let signature = sign(&order, 1);
    let signed = order.signed(&signature, &entry(), now()).expect("signed");
    signed.called_back(&called(CallOutcome::Confirmed), now()).expect("called")
}

#[test]
fn an_order_needs_key_and_call_back_both() {
    let order = order(&demanded());
    let signature = sign(&order, 1);
    let only_signed = order.clone().signed(&signature, &entry(), now()).expect("signed");
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
    let order = order(&demanded());
    let foreign = OrderRefusal::ForeignSignature;
    assert_eq!(order.clone().signed(&sign(&order, 2), &entry(), now()), Err(foreign.clone()));
    let other = Order {
        text: Demanded { law: text("another"), ..demanded() }.to_text().expect("text"),
        ..order.clone()
    };
    assert_eq!(order.clone().signed(&sign(&other, 1), &entry(), now()), Err(foreign.clone()));
    let mut ended = entry();
    ended.end_key(&key(1).public(), now()).expect("ended");
    assert_eq!(order.clone().signed(&sign(&order, 1), &ended, now()), Err(foreign));
    let stranger = DirectoryEntry { id: AuthorityId::from_bytes([9; 16]), ..entry() };
    let unknown = order.clone().signed(&sign(&order, 1), &stranger, now());
    assert_eq!(unknown, Err(OrderRefusal::NotInDirectory));
}

#[test]
fn only_a_call_after_the_order_came_that_confirms_it_counts() {
    let order = order(&demanded());
    assert_eq!(order.clone().called_back(&entry(), now()), Err(OrderRefusal::NotCalledBack));
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
    let fallback = DirectoryEntry { stands_for: Addressee::Fallback, ..entry() };
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
    let withdrawn = told.withdraw(liaison(1), now()).expect("withdrawn");
    assert!(
        matches!(withdrawn.state, OrderState::Withdrawn { decision: Some(lifted), .. } if lifted == decision)
    );
    assert!(withdrawn.clone().withdraw(liaison(1), now()).is_err());
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
        assert!(Order::receive(OrderId::from_bytes([2; 16]), wrong, None, now()).is_err());
    }
}
