//! Rows about authorities' orders.

use casework::fixtures::*;
use casework::{
    Addressee, CallOutcome, Demanded, DirectoryEntry, DutyLine, Officer, Order, OrderRefusal, OrderState,
    RefusedBecause, Served, order_digest,
};
use policy::{Measure, OfficerKey, Role};
use std::time::Duration;
use vocabulary::{AuthorityId, OrderId, SeededRandom, SitePattern};

fn liaison(number: u32) -> Officer {
    officer(Role::AuthorityLiaison, &format!("authority-liaison-{number}"))
}

fn key() -> OfficerKey {
    OfficerKey::generate(&SeededRandom::new(5), "authority".parse().expect("a name"), Role::Legal)
}

/// A court of AA: called back, with a key that two officers confirmed.
fn court() -> DirectoryEntry {
    let before = now().minus(HOUR * 3);
    let stands_for = Addressee::Jurisdiction(jurisdiction("AA"));
    let id = AuthorityId::from_bytes([1; 16]);
    let mut court = DirectoryEntry::enter(id, text("Court of AA"), stands_for, liaison(1), before);
    let line = DutyLine { number: text("+999 100"), source: text("the state's handbook") };
    court.set_duty_line(line).expect("set");
    court.call_back(liaison(1), CallOutcome::Confirmed, None, before).expect("noted");
    court.enter_key(key().public(), liaison(1), before).expect("entered");
    court.confirm_key(&key().public(), liaison(2), before).expect("confirmed");
    court
}

fn demanded(address: &str) -> Demanded {
    Demanded {
        format: Demanded::FORMAT.to_owned(),
        authority: court().id,
        reference: text("17 Qs 3/26"),
        law: text("Act on danger, section 4"),
        offence: text("public call to kill"),
        remedy: Some(text("complaint to the court of appeal")),
        issued_at: now().minus(HOUR),
        measure: Measure::M4,
        addresses: vec![address.to_owned()],
        territories: vec![jurisdiction("AA")],
        until: now().plus(Duration::from_secs(30 * 24 * 3_600)),
    }
}

/// Signed by the court's key, and confirmed when it was called back.
fn authentic(demanded: &Demanded) -> Order {
    let text = demanded.to_text().expect("text");
    let order = Order::receive(OrderId::from_bytes([2; 16]), text, None, now()).expect("an order");
    let signature = key().sign(&order_digest(&order.text)).signature;
    let mut court = court();
    court.call_back(liaison(2), CallOutcome::Confirmed, None, now()).expect("noted");
    let signed = order.signed(&signature, &court, now()).expect("signed");
    signed.called_back(&court, now()).expect("called back")
}

pub(crate) fn t13() {
    let served: Vec<SitePattern> = vec!["board.test".parse().expect("a pattern")];
    let examined = |demanded: &Demanded| demanded.examine(&court(), Served(&served), now());
    let right = demanded("https://board.test/thread/9");
    assert!(examined(&right).is_empty());
    let valid = authentic(&right).accept(&examined(&right), legal(), now()).expect("valid");
    assert_eq!(valid.state.name(), "valid");

    // One letter is missing: the same court, the same key, the same call.
    let wrong = demanded("https://bord.test/thread/9");
    let faults = examined(&wrong);
    assert_eq!(faults[0].because, RefusedBecause::ManifestError);
    let accepted = authentic(&wrong).accept(&faults, legal(), now());
    assert_eq!(accepted, Err(OrderRefusal::Faulty(faults[0].clone())));
    let words = text("bord.test is not served here; which address is meant?");
    let refused = authentic(&wrong).refuse(faults[0].because, words, legal(), now()).expect("refused");
    assert!(matches!(refused.state, OrderState::Refused { because: RefusedBecause::ManifestError, .. }));
}
