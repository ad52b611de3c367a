//! Clauses about cases.

use super::Rig;
use super::fixtures::{case, case_id};
use crate::{Page, PutError, StoreError};
use std::sync::Arc;

pub async fn a_case_is_put_under_its_version(rig: &mut dyn Rig) {
    let records = rig.records();
    assert_eq!(records.case(case_id(1)).await.unwrap(), None);
    let early = records.put_case(&case(1, "something"), 1).await;
    assert!(matches!(early, Err(PutError::Conflict { expected: 1, found: 0 })), "{early:?}");
    assert_eq!(records.put_case(&case(1, "something"), 0).await.unwrap(), 1);
    let again = records.put_case(&case(1, "something else"), 0).await;
    assert!(matches!(again, Err(PutError::Conflict { expected: 0, found: 1 })), "{again:?}");
    assert_eq!(records.put_case(&case(1, "something else"), 1).await.unwrap(), 2);
    let held = records.case(case_id(1)).await.unwrap().unwrap();
    assert_eq!((held.version, held.value), (2, case(1, "something else")));
    rig.reopen().await;
    let kept = rig.records().case(case_id(1)).await.unwrap().unwrap();
    assert_eq!((kept.version, kept.value), (2, case(1, "something else")));
}

pub async fn of_racing_puts_of_one_version_one_wins(rig: &mut dyn Rig) {
    let records = rig.records();
    let races: Vec<_> = (0..8)
        .map(|number| {
            let records = Arc::clone(&records);
            tokio::spawn(async move { records.put_case(&case(1, &format!("writer {number}")), 0).await })
        })
        .collect();
    let mut won = 0;
    for race in races {
        match race.await.unwrap() {
            Ok(1) => won += 1,
            Err(PutError::Conflict { expected: 0, found: 1 }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(won, 1);
}

pub async fn cases_come_in_pages_last_opened_first(rig: &mut dyn Rig) {
    let records = rig.records();
    for number in [3, 1, 2] {
        records.put_case(&case(number, "opened"), 0).await.unwrap();
    }
    records.put_case(&case(3, "changed later, opened first"), 1).await.unwrap();
    let first = records.list_cases(Page::first(2)).await.unwrap();
    let ids: Vec<_> = first.items.iter().map(|held| held.value.id).collect();
    assert_eq!(ids, [case_id(2), case_id(1)]);
    let rest = records.list_cases(Page { after: first.next, limit: 2 }).await.unwrap();
    assert_eq!(rest.items.len(), 1);
    assert_eq!((rest.items[0].version, rest.items[0].value.id), (2, case_id(3)));
    assert_eq!(rest.next, None);
}

pub async fn an_oversized_case_is_refused(rig: &mut dyn Rig) {
    let records = rig.records();
    let refused = records.put_case(&super::fixtures::oversized_case(1), 0).await;
    assert!(matches!(refused, Err(PutError::Store(StoreError::TooLarge { .. }))), "{refused:?}");
    assert_eq!(records.case(case_id(1)).await.unwrap(), None);
}
