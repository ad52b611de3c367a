//! Clauses about the directory of authorities and their orders.

use super::Rig;
use super::fixtures::{at, officer, text};
use crate::{Page, PutError};
use casework::{Addressee, Demanded, DirectoryEntry, Order};
use policy::Measure;
use vocabulary::AuthorityId;

fn entry(number: u8) -> DirectoryEntry {
    let id = AuthorityId::from_bytes([number; 16]);
    DirectoryEntry::enter(id, text("A duty desk"), Addressee::Fallback, officer(), at(1))
}

pub fn order(number: u8) -> Order {
    let demanded = Demanded {
        format: Demanded::FORMAT.to_owned(),
        authority: AuthorityId::from_bytes([1; 16]),
        reference: text(&format!("{number}/26")),
        law: text("a law"),
        offence: text("an offence"),
        remedy: None,
        issued_at: at(1),
        measure: Measure::M4,
        addresses: vec!["board.test".to_owned()],
        territories: vec!["AA".parse().expect("a jurisdiction")],
        until: at(99),
    };
    Order::receive(demanded.to_text().expect("text"), None, at(2)).expect("an order")
}

pub async fn an_authority_is_put_under_its_version(rig: &mut dyn Rig) {
    let records = rig.records();
    assert!(records.authorities().await.unwrap().is_empty());
    for number in [2, 1] {
        assert_eq!(records.put_authority(&entry(number), 0).await.unwrap(), 1);
    }
    let mut retired = entry(2);
    retired.retire(officer(), text("dissolved"), at(3)).expect("retired");
    assert_eq!(records.put_authority(&retired, 1).await.unwrap(), 2);
    let stale = records.put_authority(&entry(2), 1).await;
    assert!(matches!(stale, Err(PutError::Conflict { expected: 1, found: 2 })), "{stale:?}");
    rig.reopen().await;
    let records = rig.records();
    let all = records.authorities().await.unwrap();
    assert_eq!(all.iter().map(|held| held.value.clone()).collect::<Vec<_>>(), [retired.clone(), entry(1)]);
    assert_eq!(records.authority(retired.id).await.unwrap().unwrap().version, 2);
    assert_eq!(records.authority(AuthorityId::from_bytes([9; 16])).await.unwrap(), None);
}

pub async fn an_order_is_put_under_its_version_and_listed_last_first(rig: &mut dyn Rig) {
    let records = rig.records();
    for number in [1, 2, 3] {
        records.put_order(&order(number), 0).await.unwrap();
    }
    let withdrawn = order(1).withdraw(officer(), at(5)).expect("withdrawn");
    assert_eq!(records.put_order(&withdrawn, 1).await.unwrap(), 2);
    let stale = records.put_order(&order(1), 0).await;
    assert!(matches!(stale, Err(PutError::Conflict { expected: 0, found: 2 })), "{stale:?}");
    rig.reopen().await;
    let records = rig.records();
    let listed = records.list_orders(Page::first(2)).await.unwrap();
    let ids: Vec<_> = listed.items.iter().map(|held| held.as_ref().unwrap().value.id).collect();
    assert_eq!(ids, [order(3).id, order(2).id]);
    let rest = records.list_orders(Page { after: listed.next, limit: 2 }).await.unwrap();
    assert_eq!(
        rest.items.iter().map(|held| held.as_ref().unwrap().value.clone()).collect::<Vec<_>>(),
        [withdrawn]
    );
    assert_eq!(records.order(order(2).id).await.unwrap().unwrap().value, order(2));
}
