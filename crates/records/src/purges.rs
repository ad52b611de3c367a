//! Purges of cached copies, under revisions of their own.

use crate::{Cursor, Listing, Page, RevisionNote, StoreError};
use async_trait::async_trait;
use caching::{Purge, PurgeTarget, PurgeWindow};
use serde::{Deserialize, Serialize};
use vocabulary::SiteId;

/// A purge that somebody asked for, before it has its revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeOrder {
    /// Whose copies.
    pub site: SiteId,
    /// Which of them.
    pub target: PurgeTarget,
    /// Whether they stay as stale ones, to be revalidated.
    pub soft: bool,
}

/// A purge as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPurge {
    /// What edges are sent.
    pub purge: Purge,
    /// Who asked for it and when.
    pub note: RevisionNote,
}

/// Keeps the latest purges.
///
/// Revisions are 1, 2, 3, … in commit order and only rise; at most
/// [`PURGES_KEPT_MAX`](crate::bounds::PURGES_KEPT_MAX) purges are kept, the oldest are forgotten. An edge
/// that was away for longer cannot be told what it missed; the window it is given says so by where it
/// begins. Repeating an append purges once more, under a new revision, which harms nothing.
#[async_trait]
pub trait Purges: Send + Sync + 'static {
    /// The revision of the last purge; 0 before the first.
    async fn purge_revision(&self) -> Result<u64, StoreError>;

    /// Gives each order the next revision, in their order and in one transaction, and returns the last
    /// of them; without orders, the present one.
    async fn append_purges(&self, orders: &[PurgeOrder], note: &RevisionNote) -> Result<u64, StoreError>;

    /// The purges after a revision, contiguous up to the present one. Where some of them are not kept
    /// any more the window begins later than asked: its `after` says where. Asked for a revision that was
    /// not reached yet, it is empty and begins at the present one.
    async fn purges_after(&self, revision: u64) -> Result<PurgeWindow, StoreError>;

    /// Moves the present revision on to at least this one without a purge. Every later window begins
    /// there, so an edge that holds an earlier revision distrusts everything it has stored. For a store
    /// that was put back to an earlier state than edges have seen.
    async fn skip_purges(&self, to: u64) -> Result<u64, StoreError>;

    /// The purges, of one site or of all, newest first; a [`Cursor`] holds a revision.
    async fn list_purges(&self, site: Option<SiteId>, page: Page) -> Result<Listing<KeptPurge>, StoreError>;
}

impl KeptPurge {
    /// This purge's place in the list.
    pub fn cursor(&self) -> Cursor {
        Cursor(self.purge.revision)
    }
}
