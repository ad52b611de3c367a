//! Documents and registers in memory.

use super::{Memory, page_of};
use crate::bounds::{DOCUMENT_BYTES_MAX, NAME_BYTES_MAX, REGISTER_BYTES_MAX};
use crate::{
    Cursor, Document, DocumentName, Documents, Listing, Page, PutError, StoreError, Versioned, WriteOnceError,
};
use async_trait::async_trait;
use std::collections::BTreeMap;
use vocabulary::{Digest, Timestamp};

#[derive(Default)]
pub(super) struct DocumentShelf {
    documents: Vec<Document>,
    registers: BTreeMap<String, Versioned<Vec<u8>>>,
}

#[async_trait]
impl Documents for Memory {
    async fn put_document(
        &self,
        name: &DocumentName,
        bytes: &[u8],
        at: Timestamp,
    ) -> Result<Digest, WriteOnceError> {
        self.act("keeping a document", |state| {
            name.check_size()?;
            StoreError::check_size("a document", bytes.len(), DOCUMENT_BYTES_MAX)?;
            let sha256 = Digest::of(bytes);
            let held = state.documents.documents.iter().find(|held| held.name == *name);
            match held {
                Some(held) if held.sha256 == sha256 => {}
                Some(_) => return Err(WriteOnceError::Immutable { id: name.to_string() }),
                None => {
                    let document = Document { name: name.clone(), bytes: bytes.to_vec(), sha256, at };
                    state.documents.documents.push(document);
                }
            }
            Ok(sha256)
        })
    }

    async fn document(&self, name: &DocumentName) -> Result<Option<Document>, StoreError> {
        self.act("reading a document", |state| {
            Ok(state.documents.documents.iter().find(|held| held.name == *name).cloned())
        })
    }

    async fn document_by_hash(&self, kind: &str, sha256: &Digest) -> Result<Option<Document>, StoreError> {
        self.act("reading a document", |state| {
            let mut documents = state.documents.documents.iter();
            Ok(documents.find(|held| held.name.kind == kind && held.sha256 == *sha256).cloned())
        })
    }

    async fn list_documents(&self, kind: &str, page: Page) -> Result<Listing<Document>, StoreError> {
        self.act("listing documents", |state| {
            let documents = state.documents.documents.iter().zip(1u64..);
            let of_kind = documents.filter(|(document, _)| document.name.kind == kind);
            let items: Vec<_> =
                of_kind.map(|(document, ordinal)| (ordinal, (ordinal, document.clone()))).collect();
            let mut listing = page_of(items.into_iter(), page);
            let mut total = 0;
            let fitting = listing.items.iter().take_while(|(_, document)| {
                total += document.bytes.len();
                total <= DOCUMENT_BYTES_MAX
            });
            let kept = fitting.count().max(1);
            if kept < listing.items.len() {
                listing.items.truncate(kept);
                listing.next = listing.items.last().map(|(ordinal, _)| Cursor(*ordinal));
            }
            let items = listing.items.into_iter().map(|(_, document)| document).collect();
            Ok(Listing { items, next: listing.next })
        })
    }

    async fn register(&self, name: &str) -> Result<Option<Versioned<Vec<u8>>>, StoreError> {
        self.act("reading a register", |state| Ok(state.documents.registers.get(name).cloned()))
    }

    async fn put_register(&self, name: &str, bytes: &[u8], expected: u64) -> Result<u64, PutError> {
        self.act("setting a register", |state| {
            StoreError::check_size("a register's name", name.len(), NAME_BYTES_MAX)?;
            StoreError::check_size("a register", bytes.len(), REGISTER_BYTES_MAX)?;
            let found = state.documents.registers.get(name).map_or(0, |held| held.version);
            if found != expected {
                return Err(PutError::Conflict { expected, found });
            }
            let value = Versioned { version: expected + 1, value: bytes.to_vec() };
            state.documents.registers.insert(name.to_owned(), value);
            Ok(expected + 1)
        })
    }
}
