//! The pages in memory, so that a parcel is made without reading them again.

use error_pages::Page;
use records::{DocumentName, Documents, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use vocabulary::Digest;

/// Most pages in memory that no site names yet; beyond that all are let go of and read again when wanted.
const LOOSE_MAX: usize = 64;

/// Pages by their digest.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pages: Mutex<Shelved>,
}

#[derive(Debug, Default)]
struct Shelved {
    by_digest: BTreeMap<Digest, Arc<Page>>,
    /// How many of them sites named when the last parcel was made.
    named: usize,
}

impl Shelf {
    /// What a page is kept as.
    pub(super) fn name(digest: &Digest) -> DocumentName {
        DocumentName::new("error-page", digest.to_string())
    }

    /// Puts a page beside the others.
    pub(super) fn add(&self, page: Page) -> (Digest, Arc<Page>) {
        let (digest, page) = (page.digest(), Arc::new(page));
        let mut shelved = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if shelved.by_digest.len() >= shelved.named + LOOSE_MAX {
            *shelved = Shelved::default();
        }
        shelved.by_digest.insert(digest, Arc::clone(&page));
        (digest, page)
    }

    /// A page, from memory or the records; none where neither has it, or what they have is none.
    pub(crate) async fn find(
        &self,
        records: &(impl Documents + ?Sized),
        digest: &Digest,
    ) -> Result<Option<Arc<Page>>, StoreError> {
        let held = |shelf: &Self| {
            shelf.pages.lock().unwrap_or_else(PoisonError::into_inner).by_digest.get(digest).cloned()
        };
        if let Some(page) = held(self) {
            return Ok(Some(page));
        }
        let document = records.document(&Self::name(digest)).await?;
        let page = document.and_then(|document| Page::from_bytes(&document.bytes).ok());
        Ok(page.filter(|page| page.digest() == *digest).map(|page| self.add(page).1))
    }

    /// Lets go of all that no site names.
    pub(crate) fn keep_only(&self, named: &BTreeSet<Digest>) {
        let mut shelved = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        shelved.by_digest.retain(|digest, _| named.contains(digest));
        shelved.named = shelved.by_digest.len();
    }
}
