//! Decisions, stored whole under optimistic versions.

use crate::{Listing, Page, PutError, StoreError, Versioned};
use async_trait::async_trait;
use casework::Decision;
use vocabulary::{CaseId, DecisionId};

/// Which decisions a list holds; the default is all.
#[derive(Debug, Clone, Default)]
pub struct DecisionFilter {
    /// Only those in one of these states, by the state's name; empty: any state.
    pub states: Vec<String>,
    /// Only those of this case.
    pub case: Option<CaseId>,
}

/// Keeps decisions. A decision is one document; nothing removes it here.
#[async_trait]
pub trait Decisions: Send + Sync + 'static {
    /// One decision.
    async fn decision(&self, id: DecisionId) -> Result<Option<Versioned<Decision>>, StoreError>;

    /// Keeps the decision if `expected` is its present version (0: it must not exist yet); returns the
    /// new version, `expected + 1`.
    async fn put_decision(&self, decision: &Decision, expected: u64) -> Result<u64, PutError>;

    /// The decisions that pass the filter, last proposed first.
    async fn list_decisions(
        &self,
        filter: &DecisionFilter,
        page: Page,
    ) -> Result<Listing<Versioned<Decision>>, StoreError>;
}
