//! The wrapped keys of reports, in a SQLite file of their own beside the records.
//!
//! `VACUUM INTO` copies the records alone, and a restore puts back the records alone: a key that was destroyed stays
//! destroyed, whatever comes back from a backup. `secure_delete` overwrites the bytes within the file.

use crate::error::failed;
use crate::open::SqliteRecords;
use async_trait::async_trait;
use records::bounds::REPORT_KEY_BYTES_MAX;
use records::{ReportKeys, StoreError};
use vocabulary::ReportId;

/// What makes the file's one table.
pub(crate) const SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS report_keys (report TEXT PRIMARY KEY, wrapped BLOB) STRICT, WITHOUT ROWID";

#[async_trait]
impl ReportKeys for SqliteRecords {
    async fn put_report_key(&self, id: ReportId, wrapped: &[u8]) -> Result<(), StoreError> {
        StoreError::check_size("a report's key", wrapped.len(), REPORT_KEY_BYTES_MAX)?;
        sqlx::query(
            "INSERT INTO report_keys (report, wrapped) VALUES (?, ?) ON CONFLICT (report) DO NOTHING",
        )
        .bind(id.to_string())
        .bind(wrapped)
        .execute(self.keys())
        .await
        .map_err(failed("keeping a report's key"))?;
        Ok(())
    }

    async fn report_key(&self, id: ReportId) -> Result<Option<Vec<u8>>, StoreError> {
        let found: Option<Option<Vec<u8>>> =
            sqlx::query_scalar("SELECT wrapped FROM report_keys WHERE report = ?")
                .bind(id.to_string())
                .fetch_optional(self.keys())
                .await
                .map_err(failed("reading a report's key"))?;
        Ok(found.flatten())
    }

    async fn destroy_report_key(&self, id: ReportId) -> Result<(), StoreError> {
        let during = "destroying a report's key";
        sqlx::query(
            "INSERT INTO report_keys (report, wrapped) VALUES (?, NULL)
             ON CONFLICT (report) DO UPDATE SET wrapped = NULL",
        )
        .bind(id.to_string())
        .execute(self.keys())
        .await
        .map_err(failed(during))?;
        Ok(())
    }
}
