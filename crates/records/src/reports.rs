//! Reports, allegations, and the keys that open reports.

use crate::{Listing, Page, PutError, Reading, StoreError, Versioned};
use async_trait::async_trait;
use reports::{Allegation, Report};
use vocabulary::{AllegationId, Digest, ReportId};

/// What became of a report that was filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filed {
    /// It is kept now, with its allegation.
    New,
    /// The same was filed before ([`Report::repeat`]), under this id; nothing was changed.
    Known(ReportId),
}

/// Keeps reports and allegations. A report is never removed: an erased one is a tombstone.
#[async_trait]
pub trait ReportDesk: Send + Sync + 'static {
    /// Keeps a new report together with what its allegation became, both or neither: the allegation if `expected` is
    /// its present version (0: it must not exist yet). A report whose repeat digest is known changes nothing.
    async fn file_report(
        &self,
        report: &Report,
        allegation: &Allegation,
        expected: u64,
    ) -> Result<Filed, PutError>;

    /// One report.
    async fn report(&self, id: ReportId) -> Result<Option<Versioned<Report>>, StoreError>;

    /// The report whose receipt hash has this locator. The caller compares the rest in constant time.
    async fn report_by_locator(&self, locator: &[u8; 16]) -> Result<Option<Versioned<Report>>, StoreError>;

    /// The report that was filed under a repeat digest.
    async fn report_by_repeat(&self, repeat: &Digest) -> Result<Option<ReportId>, StoreError>;

    /// Keeps a changed report if `expected` is its present version; returns the new version. Allegation, receipt
    /// and repeat digest never change.
    async fn put_report(&self, report: &Report, expected: u64) -> Result<u64, PutError>;

    /// Reports, last received first, of one allegation or all.
    async fn list_reports(
        &self,
        allegation: Option<AllegationId>,
        page: Page,
    ) -> Result<Listing<Versioned<Report>>, StoreError>;

    /// One allegation.
    async fn allegation(&self, id: AllegationId) -> Result<Option<Versioned<Allegation>>, StoreError>;

    /// Keeps a changed allegation if `expected` is its present version; returns the new version.
    async fn put_allegation(&self, allegation: &Allegation, expected: u64) -> Result<u64, PutError>;

    /// Allegations, last opened first: the open ones, or all.
    async fn list_allegations(
        &self,
        only_open: bool,
        page: Page,
    ) -> Result<Listing<Versioned<Allegation>>, StoreError>;

    /// The desk's queue: open allegations by [`Allegation::urgency`], then those first that wait longest. Cursors
    /// are this list's own.
    async fn allegation_queue(&self, page: Page) -> Result<Listing<Versioned<Allegation>>, StoreError>;

    /// Notes that somebody reads a report's text; kept for ever, before the text is given out.
    async fn note_report_reading(&self, id: ReportId, reading: &Reading) -> Result<(), StoreError>;

    /// Who read a report, first reading first; at most the last 1,000.
    async fn report_readings(&self, id: ReportId) -> Result<Vec<Reading>, StoreError>;
}

/// Keeps the wrapped keys of reports apart from everything else: a backup of the records has none of them, and
/// restoring one brings none back.
#[async_trait]
pub trait ReportKeys: Send + Sync + 'static {
    /// Keeps a key. Repeating the same put is harmless; a key that was destroyed never comes back.
    async fn put_report_key(&self, id: ReportId, wrapped: &[u8]) -> Result<(), StoreError>;

    /// A key, unless there is none (any more).
    async fn report_key(&self, id: ReportId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Destroys a key; no call brings it back. Repeating it is harmless.
    async fn destroy_report_key(&self, id: ReportId) -> Result<(), StoreError>;
}
