//! Cases and decisions in memory.

use super::{Memory, page_of};
use crate::bounds::{CASE_BYTES_MAX, DECISION_BYTES_MAX};
use crate::{Cases, DecisionFilter, Decisions, Listing, Page, PutError, StoreError, Versioned};
use async_trait::async_trait;
use casework::{Case, Decision};
use serde::Serialize;
use vocabulary::{CaseId, DecisionId};

#[derive(Default)]
pub(super) struct CaseShelf {
    cases: Shelf<CaseId, Case>,
    decisions: Shelf<DecisionId, Decision>,
}

/// Versioned values in the order in which they were first put.
struct Shelf<I, V>(Vec<(I, Versioned<V>)>);

impl<I, V> Default for Shelf<I, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<I: PartialEq, V: Clone + Serialize> Shelf<I, V> {
    fn find(&self, id: &I) -> Option<Versioned<V>> {
        self.0.iter().find(|(held, _)| held == id).map(|(_, value)| value.clone())
    }

    fn put(&mut self, id: I, value: &V, expected: u64) -> Result<u64, PutError> {
        let place = self.0.iter().position(|(held, _)| *held == id);
        let found = place.map_or(0, |place| self.0[place].1.version);
        if found != expected {
            return Err(PutError::Conflict { expected, found });
        }
        let versioned = Versioned { version: expected + 1, value: value.clone() };
        match place {
            Some(place) => self.0[place].1 = versioned,
            None => self.0.push((id, versioned)),
        }
        Ok(expected + 1)
    }

    fn list(&self, page: Page, wanted: impl Fn(&V) -> bool) -> Listing<Versioned<V>> {
        let ordinals = self.0.iter().enumerate().filter(|(_, (_, held))| wanted(&held.value));
        let items: Vec<_> = ordinals.map(|(place, (_, held))| (place as u64 + 1, held.clone())).collect();
        page_of(items.into_iter(), page)
    }
}

fn json_length<T: Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

#[async_trait]
impl Cases for Memory {
    async fn case(&self, id: CaseId) -> Result<Option<Versioned<Case>>, StoreError> {
        self.act("reading a case", |state| Ok(state.cases.cases.find(&id)))
    }

    async fn put_case(&self, case: &Case, expected: u64) -> Result<u64, PutError> {
        self.act("keeping a case", |state| {
            StoreError::check_size("a case", json_length(case), CASE_BYTES_MAX)?;
            state.cases.cases.put(case.id, case, expected)
        })
    }

    async fn list_cases(&self, page: Page) -> Result<Listing<Versioned<Case>>, StoreError> {
        self.act("listing the cases", |state| Ok(state.cases.cases.list(page, |_| true)))
    }
}

#[async_trait]
impl Decisions for Memory {
    async fn decision(&self, id: DecisionId) -> Result<Option<Versioned<Decision>>, StoreError> {
        self.act("reading a decision", |state| Ok(state.cases.decisions.find(&id)))
    }

    async fn put_decision(&self, decision: &Decision, expected: u64) -> Result<u64, PutError> {
        self.act("keeping a decision", |state| {
            StoreError::check_size("a decision", json_length(decision), DECISION_BYTES_MAX)?;
            state.cases.decisions.put(decision.id, decision, expected)
        })
    }

    async fn list_decisions(
        &self,
        filter: &DecisionFilter,
        page: Page,
    ) -> Result<Listing<Versioned<Decision>>, StoreError> {
        self.act("listing the decisions", |state| {
            Ok(state.cases.decisions.list(page, |decision| {
                let state_wanted = filter.states.is_empty()
                    || filter.states.iter().any(|state| state == decision.state.name());
                state_wanted && filter.case.is_none_or(|case| case == decision.case)
            }))
        })
    }
}
