//! Evidence in SQLite.

use crate::error::failed;
use crate::open::{SqliteRecords, commit};
use crate::rows::{count, damaged, digest, id, instant, integer};
use async_trait::async_trait;
use records::bounds::{EVIDENCE_BYTES_MAX, EVIDENCE_LIST_MAX, NAME_BYTES_MAX};
use records::{Evidence, EvidenceSummary, EvidenceVault, Reading, StoreError, WriteOnceError};
use sqlx::SqliteConnection;
use vocabulary::{CaseId, Digest, EvidenceId};

#[derive(sqlx::FromRow)]
struct SummaryRow {
    id: String,
    case_id: String,
    media_type: String,
    sha256: Vec<u8>,
    size: i64,
    at: i64,
}

impl TryFrom<SummaryRow> for EvidenceSummary {
    type Error = StoreError;

    fn try_from(row: SummaryRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: id("evidence", &row.id)?,
            case: row.case_id.parse().map_err(|error| damaged("evidence", &row.id, error))?,
            media_type: row.media_type,
            sha256: digest("evidence", &row.id, &row.sha256)?,
            size: count("evidence", &row.id, row.size)?,
            at: instant(row.at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct ReadingRow {
    reader: String,
    at: i64,
}

impl From<ReadingRow> for Reading {
    fn from(row: ReadingRow) -> Self {
        Self { reader: row.reader, at: instant(row.at) }
    }
}

#[async_trait]
impl EvidenceVault for SqliteRecords {
    async fn put_evidence(&self, evidence: &Evidence) -> Result<(), WriteOnceError> {
        let during = "sealing evidence";
        let summary = &evidence.summary;
        StoreError::check_size("a file of evidence", evidence.bytes.len(), EVIDENCE_BYTES_MAX)?;
        StoreError::check_size("a media type", summary.media_type.len(), NAME_BYTES_MAX)?;
        let mut writing = self.begin(during).await?;
        match find(&mut writing, summary.id, during).await? {
            Some(held) if held.same_file_as(summary) => return Ok(()),
            Some(held) => return Err(WriteOnceError::Immutable { id: held.id.to_string() }),
            None => {}
        }
        sqlx::query(
            "INSERT INTO evidence (id, case_id, media_type, sha256, size, at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(summary.id.to_string())
        .bind(summary.case.to_string())
        .bind(&summary.media_type)
        .bind(summary.sha256.as_bytes().as_slice())
        .bind(integer(summary.size))
        .bind(summary.at.as_millis())
        .execute(&mut *writing)
        .await
        .map_err(failed(during))?;
        sqlx::query("INSERT INTO evidence_files (id, bytes) VALUES (?, ?)")
            .bind(summary.id.to_string())
            .bind(evidence.bytes.as_slice())
            .execute(&mut *writing)
            .await
            .map_err(failed(during))?;
        Ok(commit(writing, during).await?)
    }

    async fn read_evidence(&self, id: EvidenceId, reading: &Reading) -> Result<Option<Evidence>, StoreError> {
        let during = "reading evidence";
        StoreError::check_size("a reader's name", reading.reader.len(), NAME_BYTES_MAX)?;
        let mut writing = self.begin(during).await?;
        let Some(summary) = find(&mut writing, id, during).await? else { return Ok(None) };
        let bytes: Option<Vec<u8>> = sqlx::query_scalar("SELECT bytes FROM evidence_files WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&mut *writing)
            .await
            .map_err(failed(during))?;
        let bytes = bytes.ok_or_else(|| damaged("evidence_files", id, "the file is missing"))?;
        if Digest::of(&bytes) != summary.sha256 {
            return Err(damaged(
                "evidence_files",
                id,
                "its bytes do not have the digest they were sealed with",
            ));
        }
        sqlx::query("INSERT INTO readings (evidence, reader, at) VALUES (?, ?, ?)")
            .bind(id.to_string())
            .bind(&reading.reader)
            .bind(reading.at.as_millis())
            .execute(&mut *writing)
            .await
            .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(Some(Evidence { summary, bytes }))
    }

    async fn evidence_of(&self, case: CaseId) -> Result<Vec<EvidenceSummary>, StoreError> {
        let rows: Vec<SummaryRow> =
            sqlx::query_as("SELECT * FROM evidence WHERE case_id = ? ORDER BY ordinal LIMIT ?")
                .bind(case.to_string())
                .bind(EVIDENCE_LIST_MAX)
                .fetch_all(self.readers())
                .await
                .map_err(failed("listing evidence"))?;
        rows.into_iter().map(EvidenceSummary::try_from).collect()
    }

    async fn readings_of(&self, id: EvidenceId) -> Result<Vec<Reading>, StoreError> {
        let mut rows: Vec<ReadingRow> = sqlx::query_as(
            "SELECT reader, at FROM readings WHERE evidence = ? ORDER BY ordinal DESC LIMIT ?",
        )
        .bind(id.to_string())
        .bind(EVIDENCE_LIST_MAX)
        .fetch_all(self.readers())
        .await
        .map_err(failed("listing the readings of evidence"))?;
        rows.reverse();
        Ok(rows.into_iter().map(Reading::from).collect())
    }
}

async fn find(
    connection: &mut SqliteConnection,
    id: EvidenceId,
    during: &'static str,
) -> Result<Option<EvidenceSummary>, StoreError> {
    let row: Option<SummaryRow> = sqlx::query_as("SELECT * FROM evidence WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await
        .map_err(failed(during))?;
    row.map(EvidenceSummary::try_from).transpose()
}
