//! Clauses about decisions.

use super::Rig;
use super::fixtures::{case_id, decision, decision_id};
use crate::{DecisionFilter, Page, PutError};
use vocabulary::DecisionId;

async fn found(rig: &dyn Rig, states: &[&str], case: Option<u8>) -> Vec<DecisionId> {
    let filter = DecisionFilter {
        states: states.iter().map(|state| (*state).to_owned()).collect(),
        case: case.map(case_id),
    };
    let listing = rig.records().list_decisions(&filter, Page::default()).await.unwrap();
    listing.items.iter().map(|held| held.value.id).collect()
}

pub async fn a_decision_is_put_under_its_version(rig: &mut dyn Rig) {
    let records = rig.records();
    assert_eq!(records.decision(decision_id(1)).await.unwrap(), None);
    let (first, second) = (decision(1, 1, false), decision(1, 1, true));
    assert_eq!(records.put_decision(&first, 0).await.unwrap(), 1);
    let stale = records.put_decision(&second, 0).await;
    assert!(matches!(stale, Err(PutError::Conflict { expected: 0, found: 1 })), "{stale:?}");
    assert_eq!(records.put_decision(&second, 1).await.unwrap(), 2);
    let held = records.decision(decision_id(1)).await.unwrap().unwrap();
    assert_eq!((held.version, held.value), (2, second));
}

pub async fn decisions_are_found_by_state_and_case(rig: &mut dyn Rig) {
    let records = rig.records();
    let (early, late) = (decision(1, 1, false), decision(2, 1, true));
    let (early_state, late_state) = (early.state.name().to_owned(), late.state.name().to_owned());
    for decision in [&early, &late, &decision(3, 2, false)] {
        records.put_decision(decision, 0).await.unwrap();
    }
    let ids = |numbers: &[u8]| numbers.iter().map(|number| decision_id(*number)).collect::<Vec<_>>();
    assert_eq!(found(rig, &[], None).await, ids(&[3, 2, 1]));
    assert_eq!(found(rig, &[&early_state], None).await, ids(&[3, 1]));
    assert_eq!(found(rig, &[&early_state, &late_state], None).await, ids(&[3, 2, 1]));
    assert_eq!(found(rig, &[&early_state], Some(1)).await, ids(&[1]));
    assert_eq!(found(rig, &[], Some(2)).await, ids(&[3]));
    assert_eq!(found(rig, &["no such state"], None).await, []);
    records.put_decision(&decision(1, 1, true), 1).await.unwrap();
    assert_eq!(found(rig, &[&late_state], None).await, ids(&[2, 1]), "a decision moves with its state");
    let first = records.list_decisions(&DecisionFilter::default(), Page::first(2)).await.unwrap();
    let rest = Page { after: first.next, limit: 2 };
    let rest = records.list_decisions(&DecisionFilter::default(), rest).await.unwrap();
    assert_eq!((rest.items[0].value.id, rest.next), (decision_id(1), None));
}

pub async fn decisions_survive_reopening(rig: &mut dyn Rig) {
    rig.records().put_decision(&decision(1, 1, true), 0).await.unwrap();
    rig.reopen().await;
    let held = rig.records().decision(decision_id(1)).await.unwrap().unwrap();
    assert_eq!((held.version, held.value), (1, decision(1, 1, true)));
}
