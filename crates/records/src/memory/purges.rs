//! Purges in memory.

use super::{Memory, page_of};
use crate::bounds::{NOTE_BYTES_MAX, PURGE_TARGET_BYTES_MAX, PURGES_KEPT_MAX, PURGES_PER_APPEND_MAX};
use crate::{KeptPurge, Listing, Page, PurgeOrder, Purges, RevisionNote, StoreError};
use async_trait::async_trait;
use caching::{Purge, PurgeWindow};
use std::collections::VecDeque;
use vocabulary::SiteId;

#[derive(Default)]
pub(super) struct PurgeShelf {
    revision: u64,
    /// No window begins before this.
    floor: u64,
    kept: VecDeque<KeptPurge>,
}

impl PurgeShelf {
    fn append(&mut self, orders: &[PurgeOrder], note: &RevisionNote) -> Result<u64, StoreError> {
        StoreError::check_size("a purge's note", note.actor.len(), NOTE_BYTES_MAX)?;
        StoreError::check_size("the purges of one request", orders.len(), PURGES_PER_APPEND_MAX)?;
        for order in orders {
            let length = serde_json::to_vec(&order.target).map_or(0, |json| json.len());
            StoreError::check_size("a purge's target", length, PURGE_TARGET_BYTES_MAX)?;
        }
        for order in orders {
            self.revision += 1;
            let PurgeOrder { site, target, soft } = order.clone();
            let purge = Purge { revision: self.revision, site, target, soft };
            self.kept.push_back(KeptPurge { purge, note: note.clone() });
        }
        let surplus = self.kept.len().saturating_sub(PURGES_KEPT_MAX as usize);
        self.kept.drain(..surplus);
        Ok(self.revision)
    }

    fn after(&self, revision: u64) -> PurgeWindow {
        let oldest = self.kept.front().map_or(self.revision, |kept| kept.purge.revision - 1);
        let after = revision.min(self.revision).max(self.floor).max(oldest);
        let later = self.kept.iter().filter(|kept| kept.purge.revision > after);
        PurgeWindow { after, purges: later.map(|kept| kept.purge.clone()).collect() }
    }
}

#[async_trait]
impl Purges for Memory {
    async fn purge_revision(&self) -> Result<u64, StoreError> {
        self.act("reading the revision of purges", |state| Ok(state.purges.revision))
    }

    async fn append_purges(&self, orders: &[PurgeOrder], note: &RevisionNote) -> Result<u64, StoreError> {
        self.act("keeping purges", |state| state.purges.append(orders, note))
    }

    async fn purges_after(&self, revision: u64) -> Result<PurgeWindow, StoreError> {
        self.act("reading purges", |state| Ok(state.purges.after(revision)))
    }

    async fn skip_purges(&self, to: u64) -> Result<u64, StoreError> {
        self.act("skipping revisions of purges", |state| {
            let shelf = &mut state.purges;
            if to > shelf.revision {
                (shelf.revision, shelf.floor) = (to, to);
            }
            Ok(shelf.revision)
        })
    }

    async fn list_purges(&self, site: Option<SiteId>, page: Page) -> Result<Listing<KeptPurge>, StoreError> {
        self.act("listing purges", |state| {
            let of_site = |kept: &&KeptPurge| site.is_none_or(|site| kept.purge.site == site);
            let kept = state.purges.kept.iter().filter(of_site);
            Ok(page_of(kept.map(|kept| (kept.purge.revision, kept.clone())), page))
        })
    }
}
