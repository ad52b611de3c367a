//! Documents and registers in SQLite.

use crate::cases::next_version;
use crate::error::failed;
use crate::open::{SqliteRecords, commit};
use crate::rows::{below, count, damaged, digest, instant, integer, rows_for};
use async_trait::async_trait;
use records::bounds::{DOCUMENT_BYTES_MAX, NAME_BYTES_MAX, REGISTER_BYTES_MAX};
use records::{
    Cursor, Document, DocumentName, Documents, Listing, Page, PutError, StoreError, Versioned, WriteOnceError,
};
use vocabulary::{Digest, Timestamp};

const COLUMNS_BY_NAME: &str =
    "SELECT ordinal, kind, name, sha256, at, bytes FROM documents WHERE kind = ? AND name = ?";

#[derive(sqlx::FromRow)]
struct DocumentsRow {
    ordinal: i64,
    kind: String,
    name: String,
    sha256: Vec<u8>,
    at: i64,
    bytes: Vec<u8>,
}

impl TryFrom<DocumentsRow> for Document {
    type Error = StoreError;

    fn try_from(row: DocumentsRow) -> Result<Self, StoreError> {
        let name = DocumentName::new(row.kind, row.name);
        let sha256 = digest("documents", &name, &row.sha256)?;
        if Digest::of(&row.bytes) != sha256 {
            return Err(damaged("documents", name, "its bytes do not have the digest they were kept with"));
        }
        Ok(Self { name, bytes: row.bytes, sha256, at: instant(row.at) })
    }
}

#[derive(sqlx::FromRow)]
struct RegisterRow {
    name: String,
    version: i64,
    bytes: Vec<u8>,
}

impl TryFrom<RegisterRow> for Versioned<Vec<u8>> {
    type Error = StoreError;

    fn try_from(row: RegisterRow) -> Result<Self, StoreError> {
        Ok(Self { version: count("registers", &row.name, row.version)?, value: row.bytes })
    }
}

#[async_trait]
impl Documents for SqliteRecords {
    async fn put_document(
        &self,
        name: &DocumentName,
        bytes: &[u8],
        at: Timestamp,
    ) -> Result<Digest, WriteOnceError> {
        let during = "keeping a document";
        name.check_size()?;
        StoreError::check_size("a document", bytes.len(), DOCUMENT_BYTES_MAX)?;
        let sha256 = Digest::of(bytes);
        let mut writing = self.begin(during).await?;
        let held: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT sha256 FROM documents WHERE kind = ? AND name = ?")
                .bind(&name.kind)
                .bind(&name.name)
                .fetch_optional(&mut *writing)
                .await
                .map_err(failed(during))?;
        match held {
            Some(held) if held == sha256.as_bytes() => return Ok(sha256),
            Some(_) => return Err(WriteOnceError::Immutable { id: name.to_string() }),
            None => {}
        }
        sqlx::query("INSERT INTO documents (kind, name, sha256, at, bytes) VALUES (?, ?, ?, ?, ?)")
            .bind(&name.kind)
            .bind(&name.name)
            .bind(sha256.as_bytes().as_slice())
            .bind(at.as_millis())
            .bind(bytes)
            .execute(&mut *writing)
            .await
            .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(sha256)
    }

    async fn document(&self, name: &DocumentName) -> Result<Option<Document>, StoreError> {
        let row: Option<DocumentsRow> = sqlx::query_as(COLUMNS_BY_NAME)
            .bind(&name.kind)
            .bind(&name.name)
            .fetch_optional(self.readers())
            .await
            .map_err(failed("reading a document"))?;
        row.map(Document::try_from).transpose()
    }

    async fn document_by_hash(&self, kind: &str, sha256: &Digest) -> Result<Option<Document>, StoreError> {
        let row: Option<DocumentsRow> = sqlx::query_as(
            "SELECT ordinal, kind, name, sha256, at, bytes FROM documents
              WHERE kind = ? AND sha256 = ? ORDER BY ordinal LIMIT 1",
        )
        .bind(kind)
        .bind(sha256.as_bytes().as_slice())
        .fetch_optional(self.readers())
        .await
        .map_err(failed("reading a document"))?;
        row.map(Document::try_from).transpose()
    }

    async fn list_documents(&self, kind: &str, page: Page) -> Result<Listing<Document>, StoreError> {
        let failed = failed("listing documents");
        let mut reading = self.snapshot("listing documents").await?;
        let sizes: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT ordinal, length(bytes) FROM documents WHERE kind = ? AND ordinal < ? ORDER BY ordinal DESC LIMIT ?",
        )
        .bind(kind)
        .bind(below(page))
        .bind(rows_for(page))
        .fetch_all(&mut *reading)
        .await
        .map_err(failed)?;
        let fitting = fitting(&sizes, page);
        let Some(last) = sizes.get(fitting.wrapping_sub(1)).map(|(ordinal, _)| *ordinal) else {
            return Ok(Listing { items: Vec::new(), next: None });
        };
        let rows: Vec<DocumentsRow> = sqlx::query_as(
            "SELECT ordinal, kind, name, sha256, at, bytes FROM documents
              WHERE kind = ? AND ordinal < ? AND ordinal >= ? ORDER BY ordinal DESC",
        )
        .bind(kind)
        .bind(below(page))
        .bind(last)
        .fetch_all(&mut *reading)
        .await
        .map_err(failed)?;
        let last = rows.last().and_then(|row| u64::try_from(row.ordinal).ok());
        let items = rows.into_iter().map(Document::try_from).collect::<Result<_, _>>()?;
        Ok(Listing { items, next: last.filter(|_| sizes.len() > fitting).map(Cursor) })
    }

    async fn register(&self, name: &str) -> Result<Option<Versioned<Vec<u8>>>, StoreError> {
        let row: Option<RegisterRow> =
            sqlx::query_as("SELECT name, version, bytes FROM registers WHERE name = ?")
                .bind(name)
                .fetch_optional(self.readers())
                .await
                .map_err(failed("reading a register"))?;
        row.map(Versioned::try_from).transpose()
    }

    async fn put_register(&self, name: &str, bytes: &[u8], expected: u64) -> Result<u64, PutError> {
        let during = "setting a register";
        StoreError::check_size("a register's name", name.len(), NAME_BYTES_MAX)?;
        StoreError::check_size("a register", bytes.len(), REGISTER_BYTES_MAX)?;
        let mut writing = self.begin(during).await?;
        let found: Option<i64> = sqlx::query_scalar("SELECT version FROM registers WHERE name = ?")
            .bind(name)
            .fetch_optional(&mut *writing)
            .await
            .map_err(failed(during))?;
        let version = next_version("registers", name, found, expected)?;
        sqlx::query(
            "INSERT INTO registers (name, version, bytes) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET version = ?2, bytes = ?3",
        )
        .bind(name)
        .bind(integer(version))
        .bind(bytes)
        .execute(&mut *writing)
        .await
        .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(version)
    }
}

/// How many of these documents one page holds: as many as were asked for, or as fit, but at least one.
fn fitting(sizes: &[(i64, i64)], page: Page) -> usize {
    let mut total = 0;
    let within = sizes.iter().take(page.bounded_limit() as usize).take_while(|(_, size)| {
        total += usize::try_from(*size).unwrap_or(usize::MAX);
        total <= DOCUMENT_BYTES_MAX
    });
    within.count().max(1).min(sizes.len())
}
