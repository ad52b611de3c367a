//! Reports, allegations and their readings in SQLite.

use crate::cases::next_version;
use crate::error::failed;
use crate::open::{SqliteRecords, commit};
use crate::rows::{DocumentRow, below, encode, id, instant, integer, listing, rows_for};
use async_trait::async_trait;
use records::bounds::{ALLEGATION_BYTES_MAX, EVIDENCE_LIST_MAX, NAME_BYTES_MAX, REPORT_BYTES_MAX};
use records::{Filed, Listing, Page, PutError, Reading, ReportDesk, StoreError, Versioned};
use reports::{Allegation, Report};
use sqlx::SqliteConnection;
use vocabulary::{AllegationId, Digest, ReportId};

impl TryFrom<DocumentRow> for Versioned<Report> {
    type Error = StoreError;

    fn try_from(row: DocumentRow) -> Result<Self, StoreError> {
        row.decode("reports", |report: &Report| report.id)
    }
}

impl TryFrom<DocumentRow> for Versioned<Allegation> {
    type Error = StoreError;

    fn try_from(row: DocumentRow) -> Result<Self, StoreError> {
        row.decode("allegations", |allegation: &Allegation| allegation.id)
    }
}

/// Puts an allegation under its version, as part of a transaction.
async fn put_allegation(
    connection: &mut SqliteConnection,
    allegation: &Allegation,
    expected: u64,
    during: &'static str,
) -> Result<u64, PutError> {
    let document = encode("an allegation", allegation, ALLEGATION_BYTES_MAX)?;
    let id = allegation.id.to_string();
    let found: Option<i64> = sqlx::query_scalar("SELECT version FROM allegations WHERE id = ?")
        .bind(&id)
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed(during))?;
    let version = next_version("allegations", &id, found, expected)?;
    sqlx::query(
        "INSERT INTO allegations (id, version, open, urgency, document) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET version = ?2, open = ?3, urgency = ?4, document = ?5",
    )
    .bind(&id)
    .bind(integer(version))
    .bind(i64::from(allegation.closed_at.is_none()))
    .bind(allegation.urgency() as i64)
    .bind(&document)
    .execute(connection)
    .await
    .map_err(failed(during))?;
    Ok(version)
}

/// The id under which a repeat digest was filed.
const BY_REPEAT: &str = "SELECT id FROM reports WHERE repeated = ?";

#[async_trait]
impl ReportDesk for SqliteRecords {
    async fn file_report(
        &self,
        report: &Report,
        allegation: &Allegation,
        expected: u64,
    ) -> Result<Filed, PutError> {
        let during = "filing a report";
        let document = encode("a report", report, REPORT_BYTES_MAX)?;
        let mut writing = self.begin(during).await?;
        let known: Option<String> = sqlx::query_scalar(BY_REPEAT)
            .bind(report.repeat.as_bytes().as_slice())
            .fetch_optional(&mut *writing)
            .await
            .map_err(failed(during))?;
        if let Some(known) = known {
            return Ok(Filed::Known(id("reports", &known)?));
        }
        put_allegation(&mut writing, allegation, expected, during).await?;
        sqlx::query(
            "INSERT INTO reports (id, version, allegation, locator, repeated, document)
             VALUES (?, 1, ?, ?, ?, ?)",
        )
        .bind(report.id.to_string())
        .bind(report.allegation.to_string())
        .bind(report.receipt.locator().as_slice())
        .bind(report.repeat.as_bytes().as_slice())
        .bind(&document)
        .execute(&mut *writing)
        .await
        .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(Filed::New)
    }

    async fn report(&self, id: ReportId) -> Result<Option<Versioned<Report>>, StoreError> {
        let row: Option<DocumentRow> =
            sqlx::query_as("SELECT ordinal, id, version, document FROM reports WHERE id = ?")
                .bind(id.to_string())
                .fetch_optional(self.readers())
                .await
                .map_err(failed("reading a report"))?;
        row.map(Versioned::try_from).transpose()
    }

    async fn report_by_locator(&self, locator: &[u8; 16]) -> Result<Option<Versioned<Report>>, StoreError> {
        let row: Option<DocumentRow> =
            sqlx::query_as("SELECT ordinal, id, version, document FROM reports WHERE locator = ?")
                .bind(locator.as_slice())
                .fetch_optional(self.readers())
                .await
                .map_err(failed("looking for a report"))?;
        row.map(Versioned::try_from).transpose()
    }

    async fn report_by_repeat(&self, repeat: &Digest) -> Result<Option<ReportId>, StoreError> {
        let known: Option<String> = sqlx::query_scalar(BY_REPEAT)
            .bind(repeat.as_bytes().as_slice())
            .fetch_optional(self.readers())
            .await
            .map_err(failed("looking for a report"))?;
        known.map(|known| id("reports", &known)).transpose()
    }

    async fn put_report(&self, report: &Report, expected: u64) -> Result<u64, PutError> {
        let during = "keeping a report";
        let document = encode("a report", report, REPORT_BYTES_MAX)?;
        let id = report.id.to_string();
        let mut writing = self.begin(during).await?;
        let found: Option<i64> = sqlx::query_scalar("SELECT version FROM reports WHERE id = ?")
            .bind(&id)
            .fetch_optional(&mut *writing)
            .await
            .map_err(failed(during))?;
        if found.is_none() {
            return Err(PutError::Conflict { expected, found: 0 });
        }
        let version = next_version("reports", &id, found, expected)?;
        sqlx::query("UPDATE reports SET version = ?, document = ? WHERE id = ?")
            .bind(integer(version))
            .bind(&document)
            .bind(&id)
            .execute(&mut *writing)
            .await
            .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(version)
    }

    async fn list_reports(
        &self,
        allegation: Option<AllegationId>,
        page: Page,
    ) -> Result<Listing<Versioned<Report>>, StoreError> {
        let rows: Vec<DocumentRow> = sqlx::query_as(
            "SELECT ordinal, id, version, document FROM reports
              WHERE (?1 IS NULL OR allegation = ?1) AND ordinal < ?2 ORDER BY ordinal DESC LIMIT ?3",
        )
        .bind(allegation.map(|allegation| allegation.to_string()))
        .bind(below(page))
        .bind(rows_for(page))
        .fetch_all(self.readers())
        .await
        .map_err(failed("listing reports"))?;
        listing(rows, page, |row| row.ordinal, Versioned::try_from)
    }

    async fn allegation(&self, id: AllegationId) -> Result<Option<Versioned<Allegation>>, StoreError> {
        let row: Option<DocumentRow> =
            sqlx::query_as("SELECT ordinal, id, version, document FROM allegations WHERE id = ?")
                .bind(id.to_string())
                .fetch_optional(self.readers())
                .await
                .map_err(failed("reading an allegation"))?;
        row.map(Versioned::try_from).transpose()
    }

    async fn put_allegation(&self, allegation: &Allegation, expected: u64) -> Result<u64, PutError> {
        let during = "keeping an allegation";
        let mut writing = self.begin(during).await?;
        let version = put_allegation(&mut writing, allegation, expected, during).await?;
        commit(writing, during).await?;
        Ok(version)
    }

    async fn list_allegations(
        &self,
        only_open: bool,
        page: Page,
    ) -> Result<Listing<Versioned<Allegation>>, StoreError> {
        let rows: Vec<DocumentRow> = sqlx::query_as(
            "SELECT ordinal, id, version, document FROM allegations
              WHERE open >= ?1 AND ordinal < ?2 ORDER BY ordinal DESC LIMIT ?3",
        )
        .bind(i64::from(only_open))
        .bind(below(page))
        .bind(rows_for(page))
        .fetch_all(self.readers())
        .await
        .map_err(failed("listing allegations"))?;
        listing(rows, page, |row| row.ordinal, Versioned::try_from)
    }

    async fn allegation_queue(&self, page: Page) -> Result<Listing<Versioned<Allegation>>, StoreError> {
        let after = page.after.map_or(0, |after| integer(after.0));
        // The cursor is urgency and ordinal in one number, as the index has them.
        let rows: Vec<DocumentRow> = sqlx::query_as(
            "SELECT (urgency << 48) + ordinal AS ordinal, id, version, document FROM allegations
              WHERE open = 1 AND (urgency, ordinal) > (?1 >> 48, ?1 & 0xffffffffffff)
              ORDER BY urgency, ordinal LIMIT ?2",
        )
        .bind(after)
        .bind(rows_for(page))
        .fetch_all(self.readers())
        .await
        .map_err(failed("listing the queue of allegations"))?;
        listing(rows, page, |row| row.ordinal, Versioned::try_from)
    }

    async fn note_report_reading(&self, id: ReportId, reading: &Reading) -> Result<(), StoreError> {
        let during = "noting a reading of a report";
        StoreError::check_size("a reader's name", reading.reader.len(), NAME_BYTES_MAX)?;
        let mut writing = self.begin(during).await?;
        sqlx::query("INSERT INTO report_readings (report, reader, at) VALUES (?, ?, ?)")
            .bind(id.to_string())
            .bind(&reading.reader)
            .bind(reading.at.as_millis())
            .execute(&mut *writing)
            .await
            .map_err(failed(during))?;
        commit(writing, during).await
    }

    async fn report_readings(&self, id: ReportId) -> Result<Vec<Reading>, StoreError> {
        let mut rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT reader, at FROM report_readings WHERE report = ? ORDER BY ordinal DESC LIMIT ?",
        )
        .bind(id.to_string())
        .bind(i64::from(EVIDENCE_LIST_MAX))
        .fetch_all(self.readers())
        .await
        .map_err(failed("listing the readings of a report"))?;
        rows.reverse();
        Ok(rows.into_iter().map(|(reader, at)| Reading { reader, at: instant(at) }).collect())
    }
}
