//! Clauses about sessions, setup tokens, idempotency keys and upkeep.

use super::Rig;
use super::fixtures::at;
use crate::bounds::SESSIONS_MAX;
use crate::{Answer, Claim, Session, StoreError};
use vocabulary::Digest;

fn token(number: u64) -> Digest {
    Digest::of(&number.to_be_bytes())
}

fn session(number: u64, opened: i64, expires: i64) -> Session {
    let actor = format!("officer {number}");
    Session { token_hash: token(number), actor, opened: at(opened), expires: at(expires) }
}

fn answer(text: &str) -> Answer {
    Answer { status: 201, media_type: "application/json".to_owned(), body: text.as_bytes().to_vec() }
}

pub async fn a_session_lives_until_its_end_or_until_closed(rig: &mut dyn Rig) {
    let records = rig.records();
    records.open_session(&session(1, 0, 10)).await.unwrap();
    records.open_session(&session(2, 0, 10)).await.unwrap();
    assert_eq!(records.session(&token(1), at(9)).await.unwrap(), Some(session(1, 0, 10)));
    assert_eq!(records.session(&token(1), at(10)).await.unwrap(), None);
    assert_eq!(records.session(&token(3), at(1)).await.unwrap(), None);
    records.close_session(&token(1)).await.unwrap();
    records.close_session(&token(1)).await.unwrap();
    assert_eq!(records.session(&token(1), at(1)).await.unwrap(), None);
    records.open_session(&session(2, 1, 20)).await.unwrap();
    rig.reopen().await;
    assert_eq!(rig.records().session(&token(2), at(15)).await.unwrap(), Some(session(2, 1, 20)));
}

pub async fn the_oldest_session_gives_way_when_all_places_are_taken(rig: &mut dyn Rig) {
    let records = rig.records();
    for number in 0..=SESSIONS_MAX {
        records.open_session(&session(number, 0, 10)).await.unwrap();
    }
    assert_eq!(records.session(&token(0), at(1)).await.unwrap(), None);
    for number in [1, SESSIONS_MAX] {
        assert!(records.session(&token(number), at(1)).await.unwrap().is_some(), "{number}");
    }
}

pub async fn a_setup_token_works_once_and_only_the_newest(rig: &mut dyn Rig) {
    let records = rig.records();
    records.offer_setup(&token(1), at(10)).await.unwrap();
    records.offer_setup(&token(2), at(10)).await.unwrap();
    assert!(!records.redeem_setup(&token(1), &session(11, 1, 20)).await.unwrap(), "replaced");
    assert!(!records.redeem_setup(&token(2), &session(12, 10, 20)).await.unwrap(), "expired");
    assert!(records.redeem_setup(&token(2), &session(13, 9, 20)).await.unwrap());
    assert!(!records.redeem_setup(&token(2), &session(14, 9, 20)).await.unwrap(), "used");
    for (number, opened) in [(11, false), (12, false), (13, true), (14, false)] {
        assert_eq!(records.session(&token(number), at(10)).await.unwrap().is_some(), opened, "{number}");
    }
}

pub async fn a_key_answers_the_same_request_alike(rig: &mut dyn Rig) {
    let records = rig.records();
    let (request, other) = (token(1), token(2));
    assert_eq!(records.claim("key", &request, at(0), at(5)).await.unwrap(), Claim::Fresh);
    assert_eq!(records.claim("key", &request, at(1), at(6)).await.unwrap(), Claim::Running);
    assert_eq!(records.claim("key", &other, at(1), at(6)).await.unwrap(), Claim::Different);
    records.settle("key", &other, &answer("of another request"), at(100)).await.unwrap();
    records.settle("key", &request, &answer("done"), at(100)).await.unwrap();
    records.settle("key", &request, &answer("done twice"), at(200)).await.unwrap();
    records.release("key", &request).await.unwrap();
    rig.reopen().await;
    let records = rig.records();
    let answered = Claim::Answered(answer("done"));
    assert_eq!(records.claim("key", &request, at(99), at(120)).await.unwrap(), answered);
    assert_eq!(records.claim("key", &other, at(99), at(120)).await.unwrap(), Claim::Different);
    assert_eq!(records.claim("key", &other, at(100), at(120)).await.unwrap(), Claim::Fresh);
    assert_eq!(records.claim("another key", &request, at(99), at(120)).await.unwrap(), Claim::Fresh);
}

pub async fn a_claim_that_was_never_settled_ends(rig: &mut dyn Rig) {
    let records = rig.records();
    let request = token(1);
    assert_eq!(records.claim("key", &request, at(0), at(5)).await.unwrap(), Claim::Fresh);
    assert_eq!(records.claim("key", &request, at(5), at(9)).await.unwrap(), Claim::Fresh);
    records.release("key", &token(2)).await.unwrap();
    assert_eq!(records.claim("key", &request, at(6), at(9)).await.unwrap(), Claim::Running);
    records.release("key", &request).await.unwrap();
    assert_eq!(records.claim("key", &token(2), at(6), at(9)).await.unwrap(), Claim::Fresh);
    let long = "k".repeat(crate::bounds::NAME_BYTES_MAX + 1);
    let refused = records.claim(&long, &request, at(0), at(5)).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
}

pub async fn sweeping_removes_only_what_has_ended(rig: &mut dyn Rig) {
    let records = rig.records();
    records.open_session(&session(1, 0, 10)).await.unwrap();
    records.open_session(&session(2, 0, 20)).await.unwrap();
    records.offer_setup(&token(3), at(10)).await.unwrap();
    records.claim("ended", &token(4), at(0), at(10)).await.unwrap();
    records.claim("running", &token(4), at(0), at(20)).await.unwrap();
    assert_eq!(records.sweep(at(9)).await.unwrap(), 0);
    assert_eq!(records.sweep(at(10)).await.unwrap(), 3);
    assert_eq!(records.sweep(at(10)).await.unwrap(), 0);
    assert!(records.session(&token(2), at(11)).await.unwrap().is_some());
    assert_eq!(records.claim("running", &token(4), at(11), at(20)).await.unwrap(), Claim::Running);
}

pub async fn a_ready_store_says_so(rig: &mut dyn Rig) {
    rig.records().ready().await.unwrap();
    assert_eq!(rig.records().revision().await.unwrap(), 0, "asking changes nothing");
}
