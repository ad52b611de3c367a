//! Clauses about outgoing mail.

use super::Rig;
use super::fixtures::at;
use crate::bounds::MAIL_KEPT;
use crate::{Page, PutError, Queued};
use post::{BODY_BYTES_MAX, Failure, Letter, Mail, Purpose};

fn mail(about: &str) -> Mail {
    let to = "desk@example.org".parse().expect("an address");
    let letter = Letter::new(to, format!("About {about}"), "Text.\n").expect("a letter");
    Mail::queued(Purpose::Referral, about, letter, at(10))
}

pub async fn a_mail_is_queued_once_however_often_it_is_asked_for(rig: &mut dyn Rig) {
    let records = rig.records();
    assert_eq!(records.queue_mail(&mail("a")).await.unwrap(), Queued::New);
    assert_eq!(records.queue_mail(&mail("a")).await.unwrap(), Queued::Known);
    let sent = mail("a").sent("250 ok", at(11)).unwrap();
    assert_eq!(records.put_mail(&sent, 1).await.unwrap(), 2);
    assert_eq!(records.queue_mail(&mail("a")).await.unwrap(), Queued::Known);
    assert_eq!(records.mail(mail("a").id).await.unwrap().unwrap().value, sent);
    assert_eq!(records.mail(mail("b").id).await.unwrap(), None);
}

pub async fn mails_are_due_in_the_order_of_their_next_try(rig: &mut dyn Rig) {
    let records = rig.records();
    for about in ["a", "b", "c", "d"] {
        records.queue_mail(&mail(about)).await.unwrap();
    }
    let later = mail("a").failed(&Failure::Later("450".to_owned()), at(10)).unwrap();
    records.put_mail(&later, 1).await.unwrap();
    records.put_mail(&mail("b").sent("250", at(10)).unwrap(), 1).await.unwrap();
    let due = |held: Vec<crate::Versioned<Mail>>| held.iter().map(|held| held.value.about.clone()).collect();
    let abouts: Vec<String> = due(records.due_mails(at(10), 10).await.unwrap());
    assert_eq!(abouts, ["c", "d"]);
    let abouts: Vec<String> = due(records.due_mails(at(71), 2).await.unwrap());
    assert_eq!(abouts, ["c", "d"]);
    let abouts: Vec<String> = due(records.due_mails(at(71), 10).await.unwrap());
    assert_eq!(abouts, ["c", "d", "a"]);
    assert!(records.due_mails(at(9), 10).await.unwrap().is_empty());
}

pub async fn a_mail_is_put_under_its_version(rig: &mut dyn Rig) {
    let records = rig.records();
    records.queue_mail(&mail("a")).await.unwrap();
    let sent = mail("a").sent("250", at(11)).unwrap();
    let unknown = records.put_mail(&mail("b"), 1).await;
    assert!(matches!(unknown, Err(PutError::Conflict { expected: 1, found: 0 })), "{unknown:?}");
    assert_eq!(records.put_mail(&sent, 1).await.unwrap(), 2);
    let stale = records.put_mail(&sent, 1).await;
    assert!(matches!(stale, Err(PutError::Conflict { expected: 1, found: 2 })), "{stale:?}");
    let to = "desk@example.org".parse().expect("an address");
    let long = Letter::new(to, "s", "é\n".repeat(BODY_BYTES_MAX / 3)).expect("a letter");
    assert_eq!(
        records.queue_mail(&Mail::queued(Purpose::Referral, "z", long, at(1))).await.unwrap(),
        Queued::New
    );
}

pub async fn dead_mails_are_listed_and_old_ones_swept_out(rig: &mut dyn Rig) {
    let records = rig.records();
    for about in ["a", "b", "c"] {
        records.queue_mail(&mail(about)).await.unwrap();
    }
    let dead = mail("a").failed(&Failure::Never("550".to_owned()), at(20)).unwrap();
    records.put_mail(&dead, 1).await.unwrap();
    records.put_mail(&mail("b").sent("250", at(30)).unwrap(), 1).await.unwrap();
    let listed = records.list_mails(true, Page::first(10)).await.unwrap();
    assert_eq!(listed.items.iter().map(|held| held.value.clone()).collect::<Vec<_>>(), [dead]);
    let all = records.list_mails(false, Page::first(2)).await.unwrap();
    let abouts: Vec<_> = all.items.iter().map(|held| held.value.about.as_str()).collect();
    assert_eq!((abouts, all.next.is_some()), (vec!["c", "b"], true));
    assert_eq!(records.sweep(at(20).plus(MAIL_KEPT)).await.unwrap(), 1);
    assert_eq!(records.sweep(at(99).plus(MAIL_KEPT)).await.unwrap(), 1);
    let left = records.list_mails(false, Page::first(9)).await.unwrap();
    assert_eq!(left.items[0].value.about, "c");
}

pub async fn the_queue_of_mails_survives_reopening(rig: &mut dyn Rig) {
    rig.records().queue_mail(&mail("a")).await.unwrap();
    rig.reopen().await;
    assert_eq!(rig.records().due_mails(at(10), 1).await.unwrap()[0].value, mail("a"));
}
