//! Evidence: write-once files, every read an event.

use crate::{StoreError, WriteOnceError};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use vocabulary::{CaseId, Digest, EvidenceId, Timestamp};

/// One file of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What is known about it without reading it.
    pub summary: EvidenceSummary,
    /// The file.
    pub bytes: Vec<u8>,
}

/// What is known about a file of evidence without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceSummary {
    /// Its id.
    pub id: EvidenceId,
    /// The case it belongs to.
    pub case: CaseId,
    /// Its media type, as "image/png".
    pub media_type: String,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// When it was sealed.
    pub at: Timestamp,
}

impl EvidenceSummary {
    /// Whether both describe one and the same sealed file; a repeated put need not name the same instant.
    pub fn same_file_as(&self, other: &Self) -> bool {
        let Self { id, case, media_type, sha256, size, at: _ } = self;
        (id, case, media_type, sha256, size)
            == (&other.id, &other.case, &other.media_type, &other.sha256, &other.size)
    }
}

impl Evidence {
    /// Takes a file as evidence; digest and size are computed here.
    pub fn new(id: EvidenceId, case: CaseId, media_type: String, bytes: Vec<u8>, at: Timestamp) -> Self {
        let summary = EvidenceSummary {
            id,
            case,
            media_type,
            sha256: Digest::of(&bytes),
            size: bytes.len() as u64,
            at,
        };
        Self { summary, bytes }
    }
}

/// Who reads evidence, and when: kept for ever, before the bytes are given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The reader, as the caller names actors.
    pub reader: String,
    /// When.
    pub at: Timestamp,
}

/// Keeps evidence. Nothing overwrites or removes it here, whatever asks.
#[async_trait]
pub trait EvidenceVault: Send + Sync + 'static {
    /// Keeps the file. Repeating the same put is harmless; another file under the same id is
    /// [`WriteOnceError::Immutable`]; over [`bounds::EVIDENCE_BYTES_MAX`](crate::bounds::EVIDENCE_BYTES_MAX) is [`StoreError::TooLarge`].
    async fn put_evidence(&self, evidence: &Evidence) -> Result<(), WriteOnceError>;

    /// Gives the file and notes the reading in the same transaction. A file whose bytes no longer
    /// have their digest is [`StoreError::Damaged`].
    async fn read_evidence(&self, id: EvidenceId, reading: &Reading) -> Result<Option<Evidence>, StoreError>;

    /// What one case holds, first sealed first; not a reading. At most 1,000.
    async fn evidence_of(&self, case: CaseId) -> Result<Vec<EvidenceSummary>, StoreError>;

    /// Who read the file, first reading first; at most the last 1,000.
    async fn readings_of(&self, id: EvidenceId) -> Result<Vec<Reading>, StoreError>;
}
