//! The desk's side: opening a report is an event, erasing one destroys its key.

use super::filing::cipher;
use super::thread::{Line, add, messages};
use crate::plane::Plane;
use crate::rim::{Problem, Reason};
use casework::Officer;
use records::{PutError, Reading, Versioned};
use reports::{Contents, MessageFrom, Outcome, Report, ReportRefusal, Secret, VaultText};
use vault::{Slot, WrappedKey};
use vocabulary::{ReportId, Timestamp};

/// How often a change is repeated when the report was changed meanwhile.
const ATTEMPTS: usize = 5;

/// A report with its text, for the officer whose reading was noted.
pub(crate) struct Opened {
    /// The report.
    pub(crate) report: Report,
    /// Its text and thread; none once it was erased.
    pub(crate) text: Option<(VaultText, Vec<Line>)>,
}

async fn held(plane: &Plane, id: ReportId) -> Result<Versioned<Report>, Problem> {
    let missing = || Problem::new(Reason::NotFound).detail(format!("there is no report {id}"));
    plane.records.report(id).await?.ok_or_else(missing)
}

/// Opens a report's text. The reading is kept first.
pub(crate) async fn open(plane: &Plane, id: ReportId, by: &Officer) -> Result<Opened, Problem> {
    let report = held(plane, id).await?.value;
    let reading = Reading { reader: by.to_string(), at: plane.clock.now() };
    plane.records.note_report_reading(id, &reading).await?;
    let Contents::Kept { sealed, .. } = &report.contents else { return Ok(Opened { report, text: None }) };
    let Some(wrapped) = plane.records.report_key(id).await? else { return Ok(Opened { report, text: None }) };
    let secret = plane.intake.vault.open_record(id, &WrappedKey(wrapped)).map_err(cipher)?;
    let plaintext = secret.open(Slot::Contents, sealed).map_err(cipher)?;
    let text = VaultText::from_plaintext(&plaintext).ok_or_else(|| Problem::new(Reason::Broken))?;
    let lines = messages(plane, &report).await?.unwrap_or_default();
    Ok(Opened { report, text: Some((text, lines)) })
}

/// Writes to the reporter.
pub(crate) async fn message(plane: &Plane, id: ReportId, text: &Secret) -> Result<(), Problem> {
    add(plane, held(plane, id).await?, MessageFrom::Desk, text).await
}

/// Moves a report on.
pub(crate) async fn set_state(
    plane: &Plane,
    id: ReportId,
    step: impl Fn(Report, Timestamp) -> Result<Report, ReportRefusal>,
) -> Result<(), Problem> {
    for _ in 0..ATTEMPTS {
        let Versioned { version, value } = held(plane, id).await?;
        let moved = step(value, plane.clock.now());
        let moved = moved.map_err(|refusal| Problem::refused(refusal.name(), refusal))?;
        match plane.records.put_report(&moved, version).await {
            Ok(_) => return Ok(()),
            Err(PutError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Reason::Contended))
}

/// Ends a report. How it ended counts for its reporter's next ones.
pub(crate) async fn close(plane: &Plane, id: ReportId, outcome: Outcome) -> Result<(), Problem> {
    set_state(plane, id, |report, now| report.close(outcome, now)).await?;
    plane.intake.ended(&held(plane, id).await?.value, outcome, plane.clock.now());
    Ok(())
}

/// Erases a report's text: the key is destroyed, then the record becomes a tombstone.
pub(crate) async fn erase(plane: &Plane, id: ReportId, reason: &str) -> Result<(), Problem> {
    let report = held(plane, id).await?.value;
    report.key().map_err(|refusal| Problem::refused(refusal.name(), refusal))?;
    plane.records.destroy_report_key(id).await?;
    set_state(plane, id, |report, now| report.erase(now, reason.to_owned())).await?;
    plane.intake.forget(&report);
    Ok(())
}
