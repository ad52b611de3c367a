//! Clauses about subscriptions.

use super::Rig;
use super::fixtures::at;
use crate::bounds::SUBSCRIPTIONS_ASKED_MAX;
use crate::{PutError, StoreError};
use post::{SealedAddress, Stage, Subscription};
use vocabulary::{Digest, SubscriptionId};

fn asked(number: u16, address: &str) -> Subscription {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    let sealed = SealedAddress("c2VhbGVk".to_owned());
    let digest = Digest::of(address.as_bytes());
    Subscription::asked(SubscriptionId::from_bytes(bytes), digest, "en", sealed, at(i64::from(number)))
}

fn confirmed(number: u16, address: &str, told: u64) -> Subscription {
    let mailed = asked(number, address).mailed(at(i64::from(number)));
    mailed.and_then(|mailed| mailed.confirm(told, at(i64::from(number)))).expect("confirmed")
}

pub async fn a_subscription_is_put_under_its_version_and_stays_ended(rig: &mut dyn Rig) {
    let records = rig.records();
    let one = asked(1, "a");
    assert_eq!(records.put_subscription(&one, 0).await.unwrap(), 1);
    let again = records.put_subscription(&one, 0).await;
    assert!(matches!(again, Err(PutError::Conflict { expected: 0, found: 1 })), "{again:?}");
    let mailed = one.clone().mailed(at(9)).expect("mailed");
    assert_eq!(records.put_subscription(&mailed, 1).await.unwrap(), 2);
    assert_eq!(records.subscription(one.id).await.unwrap().map(|held| held.value), Some(mailed.clone()));
    assert!(records.end_subscription(one.id).await.unwrap());
    assert!(!records.end_subscription(one.id).await.unwrap());
    let late = records.put_subscription(&mailed, 2).await;
    assert!(matches!(late, Err(PutError::Conflict { expected: 2, found: 0 })), "{late:?}");
    assert_eq!(records.subscription(one.id).await.unwrap(), None);
}

pub async fn subscriptions_are_found_by_address_and_by_stage(rig: &mut dyn Rig) {
    let records = rig.records();
    let all = [asked(3, "a"), asked(2, "b"), confirmed(5, "a", 40), confirmed(4, "c", 41)];
    for one in &all {
        records.put_subscription(one, 0).await.unwrap();
    }
    let ids = |held: Vec<crate::Versioned<Subscription>>| -> Vec<u8> {
        held.iter().map(|held| held.value.id.as_bytes()[1]).collect()
    };
    let mut of_a = ids(records.subscriptions_of(&Digest::of(b"a")).await.unwrap());
    of_a.sort_unstable();
    assert_eq!(of_a, [3, 5]);
    let before = |stage, before, limit| records.subscriptions_before(stage, before, limit);
    assert_eq!(ids(before(Stage::Asked, u64::MAX, 9).await.unwrap()), [2, 3]);
    assert_eq!(ids(before(Stage::Asked, u64::MAX, 1).await.unwrap()), [2]);
    assert_eq!(ids(before(Stage::Asked, all[0].place(), 9).await.unwrap()), [2]);
    assert_eq!(ids(before(Stage::Confirmed, 41, 9).await.unwrap()), [5]);
    assert_eq!(ids(before(Stage::Confirmed, 42, 9).await.unwrap()), [5, 4]);
    assert!(before(Stage::Mailed, u64::MAX, 9).await.unwrap().is_empty());
}

pub async fn askings_for_subscriptions_have_a_bound_that_leaves_subscribers_alone(rig: &mut dyn Rig) {
    let records = rig.records();
    for number in 0..SUBSCRIPTIONS_ASKED_MAX as u16 {
        records.put_subscription(&asked(number, "a"), 0).await.unwrap();
    }
    let more = records.put_subscription(&asked(60_000, "a"), 0).await;
    assert!(matches!(more, Err(PutError::Store(StoreError::TooLarge { .. }))), "{more:?}");
    records.put_subscription(&confirmed(60_001, "b", 1), 0).await.unwrap();
    // Those that are there move on.
    records.put_subscription(&asked(7, "a").mailed(at(9)).expect("mailed"), 1).await.unwrap();
}

pub async fn subscriptions_survive_reopening(rig: &mut dyn Rig) {
    rig.records().put_subscription(&confirmed(1, "a", 3), 0).await.unwrap();
    rig.reopen().await;
    let kept = rig.records().subscriptions_of(&Digest::of(b"a")).await.unwrap();
    assert_eq!(kept[0].value, confirmed(1, "a", 3));
}
