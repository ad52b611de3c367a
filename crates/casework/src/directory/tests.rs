//! What makes an entry of the directory trustworthy.

use super::*;
use crate::fixtures::*;
use policy::{OfficerKey, Role};
use vocabulary::SeededRandom;

fn entry() -> DirectoryEntry {
    let stands_for = Addressee::Jurisdiction(jurisdiction("AA"));
    let id = AuthorityId::from_bytes([1; 16]);
    let mut entry = DirectoryEntry::enter(id, text("Police of AA"), stands_for, liaison(1), now());
    let line = DutyLine { number: text("+999 100"), source: text("the state's handbook") };
    entry.set_duty_line(line).expect("set");
    entry
}

fn liaison(number: u32) -> Officer {
    officer(Role::AuthorityLiaison, &format!("authority-liaison-{number}"))
}

fn key(seed: u64) -> PublicKey {
    let name = "authority".parse().expect("a name");
    OfficerKey::generate(&SeededRandom::new(seed), name, Role::Legal).public()
}

#[test]
fn an_entry_is_verified_by_a_confirmed_call_for_90_days() {
    let mut entry = entry();
    assert_eq!(entry.verified_at(now()), None);
    entry.call_back(liaison(1), CallOutcome::Unanswered, None, now()).expect("noted");
    assert_eq!(entry.verified_at(now()), None);
    entry.call_back(liaison(1), CallOutcome::Confirmed, None, now()).expect("noted");
    assert_eq!(entry.verified_at(now()), Some(now()));
    let last = now().plus(clocks::DUTY_LINE_VERIFIED_WITHIN);
    assert_eq!(entry.verified_at(last), Some(now()));
    assert_eq!(entry.verified_at(last.plus(HOUR)), None);
}

#[test]
fn another_number_a_denial_and_the_end_take_the_verification_away() {
    let verified = || {
        let mut entry = entry();
        entry.call_back(liaison(1), CallOutcome::Confirmed, None, now()).expect("noted");
        entry
    };
    let mut moved = verified();
    let line = DutyLine { number: text("+999 200"), source: text("a letter") };
    moved.set_duty_line(line).expect("set");
    assert_eq!(moved.verified_at(now()), None);
    let mut denied = verified();
    denied.call_back(liaison(1), CallOutcome::Denied, None, now().plus(HOUR)).expect("noted");
    assert_eq!(denied.verified_at(now().plus(HOUR)), None);
    let mut silent = verified();
    silent.call_back(liaison(1), CallOutcome::Unanswered, None, now().plus(HOUR)).expect("noted");
    assert_eq!(silent.verified_at(now().plus(HOUR)), Some(now()));
    let mut retired = verified();
    retired.retire(liaison(1), text("dissolved"), now()).expect("retired");
    assert_eq!(retired.verified_at(now()), None);
    assert_eq!(retired.enter_key(key(1), liaison(1), now()), Err(DirectoryRefusal::Retired));
}

#[test]
fn a_key_counts_once_another_officer_had_it_read_out() {
    let mut entry = entry();
    entry.enter_key(key(1), liaison(1), now()).expect("entered");
    assert_eq!(entry.confirm_key(&key(1), liaison(2), now()), Err(DirectoryRefusal::NotVerified));
    entry.call_back(liaison(2), CallOutcome::Confirmed, None, now()).expect("noted");
    let own = entry.confirm_key(&key(1), liaison(1), now());
    assert_eq!(own, Err(DirectoryRefusal::SameOfficer(liaison(1))));
    assert_eq!(entry.keys_at(now()).count(), 0);
    entry.confirm_key(&key(1), liaison(2), now()).expect("confirmed");
    assert_eq!(entry.keys_at(now()).collect::<Vec<_>>(), [&key(1)]);
    entry.end_key(&key(1), now().plus(HOUR)).expect("ended");
    assert_eq!(entry.keys_at(now().plus(HOUR)).count(), 0);
    let again = entry.enter_key(key(1), liaison(1), now().plus(HOUR));
    assert_eq!(again, Err(DirectoryRefusal::KeyTwice));
}

#[test]
fn a_call_that_nobody_answers_does_not_bring_back_what_a_denial_took() {
    use CallOutcome::{Confirmed, Denied, Unanswered};
    let after = |outcomes: &[CallOutcome]| {
        let mut entry = entry();
        let mut at = now();
        for outcome in outcomes {
            at = at.plus(MINUTE);
            entry.call_back(liaison(1), *outcome, None, at).expect("noted");
        }
        entry.verified_at(at).is_some()
    };
    for (outcomes, verified) in [
        (&[Confirmed, Unanswered][..], true),
        (&[Confirmed, Denied], false),
        (&[Confirmed, Denied, Unanswered], false),
        (&[Confirmed, Denied, Unanswered, Unanswered], false),
        (&[Denied, Unanswered, Confirmed], true),
        (&[Unanswered], false),
    ] {
        assert_eq!(after(outcomes), verified, "{outcomes:?}");
    }
}
