//! The queue's arithmetic: tries, waits, giving up.

use super::*;

fn at(minute: u64) -> Timestamp {
    Timestamp::from_secs(1_790_000_000).plus(Duration::from_secs(minute * MINUTE))
}

fn mail() -> Mail {
    let to = "desk@example.org".parse().expect("an address");
    let letter = Letter::new(to, "About dec_1", "Text").expect("a letter");
    Mail::queued(Purpose::CustomerNotice, "dec_1", letter, at(0))
}

fn later() -> Failure {
    Failure::Later("450 come back".to_owned())
}

#[test]
fn a_mail_about_the_same_matter_to_the_same_address_is_the_same_mail() {
    let other = "other@example.org".parse().expect("an address");
    assert_eq!(mail().id, mail().id);
    assert_eq!(mail().id, Mail::id_of(Purpose::CustomerNotice, "dec_1", &mail().to));
    assert_ne!(mail().id, Mail::id_of(Purpose::Referral, "dec_1", &mail().to));
    assert_ne!(mail().id, Mail::id_of(Purpose::CustomerNotice, "dec_1", &other));
}

#[test]
fn tries_come_soon_at_first_and_every_two_hours_in_the_end() {
    let mut mail = mail();
    let mut waits = Vec::new();
    while let Some(due) = mail.due() {
        mail = mail.begin_try(due).and_then(|mail| mail.failed(&later(), due)).expect("it waits");
        waits.extend(mail.due().map(|next| next.since(due).as_secs() / MINUTE));
    }
    assert_eq!(waits[..8], [1, 2, 5, 15, 30, 60, 120, 120]);
    let MailState::Dead { tries, at: given_up, said, .. } = &mail.state else { panic!("{mail:?}") };
    assert!((60..80).contains(tries), "{tries}");
    assert!(*given_up >= at(0).plus(GIVEN_UP_AFTER) && *given_up < at(0).plus(GIVEN_UP_AFTER + delay(9)));
    assert_eq!(said, "450 come back");
}

#[test]
fn a_final_refusal_is_not_tried_again_until_somebody_asks_for_it() {
    let refused = mail().failed(&Failure::Never("550 no such user".to_owned()), at(1)).expect("it waits");
    assert_eq!((refused.state.name(), refused.due()), ("dead", None));
    assert!(refused.clone().sent("250 ok", at(2)).is_err());
    let settled = refused.clone().settle("duty-officer-1", "by telephone", at(5)).expect("it was dead");
    assert_eq!((settled.state.name(), settled.letter(), settled.due()), ("settled", None, None));
    assert!(settled.again(at(6)).is_err());
    let again = refused.again(at(9)).expect("it was dead");
    assert_eq!(again.due(), Some(at(9)));
    // Its five days begin anew.
    let tried = again.failed(&later(), at(9).plus(GIVEN_UP_AFTER).minus(Duration::from_secs(1)));
    assert_eq!(tried.expect("it waits").state.name(), "waiting");
}

#[test]
fn what_was_sent_no_longer_holds_the_words() {
    let letter = mail().letter().expect("it waits").digest();
    let sent =
        mail().begin_try(at(3)).and_then(|mail| mail.sent("250 queued\r\nas 17", at(3))).expect("it waits");
    let json = serde_json::to_string(&sent).expect("json");
    assert!(!json.contains("Text") && json.contains("250 queued  as 17"), "{json}");
    assert!(matches!(sent.state, MailState::Sent { letter: kept, tries: 1, .. } if kept == letter));
    assert!(sent.clone().failed(&later(), at(4)).is_err());
    assert_eq!(serde_json::from_str::<Mail>(&json).expect("read"), sent);
}

#[test]
fn a_try_whose_end_is_never_kept_counts_and_is_not_repeated_at_once() {
    let begun = mail().begin_try(at(0)).expect("it waits");
    assert!(matches!(begun.state, MailState::Waiting { tries: 1, .. }));
    assert_eq!(begun.due(), Some(at(15)));
    let again = begun.begin_try(at(15)).expect("it waits");
    assert!(matches!(again.state, MailState::Waiting { tries: 2, .. }));
    let mut often = again;
    for _ in 0..10 {
        often = often.begin_try(at(60)).expect("it waits");
    }
    assert_eq!(often.due(), Some(at(180)));
    assert!(often.sent("250 ok", at(61)).expect("it waits").begin_try(at(62)).is_err());
}
