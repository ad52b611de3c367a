//! Named documents that never change, and small registers that do.

use crate::bounds::NAME_BYTES_MAX;
use crate::{Listing, Page, PutError, StoreError, Versioned, WriteOnceError};
use async_trait::async_trait;
use std::fmt;
use vocabulary::{Digest, Timestamp};

/// What a document is called: its kind ("policy", "roster", "bundle", …) and its name within the kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentName {
    /// The kind.
    pub kind: String,
    /// The name within the kind, as a version or an id.
    pub name: String,
}

impl DocumentName {
    /// A name within a kind.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }
}

impl DocumentName {
    /// Refuses a name over its bound; every store checks with this before it writes.
    pub fn check_size(&self) -> Result<(), StoreError> {
        StoreError::check_size("a document's kind", self.kind.len(), NAME_BYTES_MAX)?;
        StoreError::check_size("a document's name", self.name.len(), NAME_BYTES_MAX)
    }
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// A document as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is called.
    pub name: DocumentName,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// When it was put.
    pub at: Timestamp,
}

/// Keeps documents and registers.
#[async_trait]
pub trait Documents: Send + Sync + 'static {
    /// Keeps a document and returns its SHA-256. Repeating the same put is harmless (the first instant
    /// stays); other bytes under the same name are [`WriteOnceError::Immutable`].
    async fn put_document(
        &self,
        name: &DocumentName,
        bytes: &[u8],
        at: Timestamp,
    ) -> Result<Digest, WriteOnceError>;

    /// The document of that name.
    async fn document(&self, name: &DocumentName) -> Result<Option<Document>, StoreError>;

    /// The first document of that kind whose bytes have this SHA-256.
    async fn document_by_hash(&self, kind: &str, sha256: &Digest) -> Result<Option<Document>, StoreError>;

    /// The documents of a kind, last put first. A page stops early, but not before its first document,
    /// when it would hold more than [`bounds::DOCUMENT_BYTES_MAX`](crate::bounds::DOCUMENT_BYTES_MAX) bytes.
    async fn list_documents(&self, kind: &str, page: Page) -> Result<Listing<Document>, StoreError>;

    /// A register: a small named value under optimistic versions, for a reconciler's own state.
    async fn register(&self, name: &str) -> Result<Option<Versioned<Vec<u8>>>, StoreError>;

    /// Sets a register if `expected` is its present version (0: it must not exist yet); returns the new
    /// version.
    async fn put_register(&self, name: &str, bytes: &[u8], expected: u64) -> Result<u64, PutError>;
}
