//! The transparency report over the published log: folded as the log grows, served as page and files.
//!
//! Invariant: what is counted is what the newest published checkpoint covers, never more.

use super::{frame, not_found, page, revalidated};
use crate::pages::reading::TransparencyPage;
use crate::pages::record::Edition;
use crate::plane::Plane;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ledger::Entry;
use ledger::checkpoint::Checkpoint;
use snapshot::{Clockwork, Transparency, TransparencyReport};
use std::sync::Arc;
use tokio::sync::Mutex;
use vocabulary::{Digest, Timestamp};

/// The counts over the log, as far as somebody has asked for them.
#[derive(Debug, Default)]
pub(crate) struct Reports(Mutex<Transparency>);

/// The counts under one checkpoint.
struct Counted {
    report: TransparencyReport,
    clockwork: Clockwork,
}

impl Reports {
    /// The mechanism's numbers at an instant; none before anything is published.
    pub(super) async fn clockwork(
        &self,
        plane: &Plane,
        now: Timestamp,
    ) -> Result<Option<Clockwork>, Problem> {
        Ok(self.counted(plane, now).await?.map(|counted| counted.clockwork))
    }

    /// Counts what was published since, and tells all of it. Others wait meanwhile: they want the same.
    async fn counted(&self, plane: &Plane, now: Timestamp) -> Result<Option<Counted>, Problem> {
        let mut fold = self.0.lock().await;
        let Some((size, root)) = published(plane) else { return Ok(None) };
        while fold.entries() < size {
            let leaves = plane.records.leaves(fold.entries()..size).await?;
            if leaves.is_empty() {
                return Err(Problem::new(Reason::Broken).detail("the log is shorter than its checkpoint"));
            }
            for leaf in leaves {
                let entry = Entry::parse(&leaf.bytes);
                fold.count(&entry.map_err(|error| Problem::new(Reason::Broken).detail(error))?);
            }
        }
        // An older checkpoint than the one counted last: between two looks the newer one has won.
        if fold.entries() > size {
            return Ok(None);
        }
        let report = fold.report(&plane.founded.origin, root);
        Ok(Some(Counted { report, clockwork: fold.clockwork(now) }))
    }
}

/// Size and root of the newest published checkpoint.
fn published(plane: &Plane) -> Option<(u64, Digest)> {
    let published = plane.sequencer.published()?;
    let checkpoint = Checkpoint::parse(published.note.text()).ok()?;
    Some((checkpoint.size, checkpoint.root))
}

/// The page.
pub(super) async fn transparency(
    State(plane): State<Arc<Plane>>,
    edition: Edition,
) -> Result<Response, Problem> {
    let frame = frame(&plane, edition.clone());
    let Some(counted) = plane.reports.counted(&plane, frame.now).await? else {
        return Ok(not_found(&plane, edition));
    };
    let Counted { report, clockwork } = counted;
    let mechanism = plane.mechanism.told();
    let shown = TransparencyPage { frame, clockwork, mechanism, report };
    Ok(page(StatusCode::OK, &edition, shown.page()))
}

/// The JSON file.
pub(super) async fn json(
    State(plane): State<Arc<Plane>>,
    edition: Edition,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    file(&plane, edition, &fields, "application/json", TransparencyReport::to_json).await
}

/// The CSV file.
pub(super) async fn csv(
    State(plane): State<Arc<Plane>>,
    edition: Edition,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let csv = |report: &TransparencyReport| report.to_csv().into_bytes();
    file(&plane, edition, &fields, "text/csv; charset=utf-8; header=present", csv).await
}

async fn file(
    plane: &Plane,
    edition: Edition,
    fields: &HeaderMap,
    media_type: &'static str,
    write: impl Fn(&TransparencyReport) -> Vec<u8>,
) -> Result<Response, Problem> {
    let counted = plane.reports.counted(plane, plane.clock.now()).await?;
    Ok(match counted {
        Some(counted) => revalidated(fields, media_type, write(&counted.report)),
        None => not_found(plane, edition),
    })
}
