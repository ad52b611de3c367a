//! Cases, stored whole under optimistic versions.

use crate::{Listing, Page, PutError, StoreError, Versioned};
use async_trait::async_trait;
use casework::Case;
use vocabulary::CaseId;

/// Keeps cases. A case is one document; nothing removes it here.
#[async_trait]
pub trait Cases: Send + Sync + 'static {
    /// One case.
    async fn case(&self, id: CaseId) -> Result<Option<Versioned<Case>>, StoreError>;

    /// Keeps the case if `expected` is its present version (0: it must not exist yet); returns the new
    /// version, `expected + 1`.
    async fn put_case(&self, case: &Case, expected: u64) -> Result<u64, PutError>;

    /// All cases, last opened first.
    async fn list_cases(&self, page: Page) -> Result<Listing<Versioned<Case>>, StoreError>;
}
