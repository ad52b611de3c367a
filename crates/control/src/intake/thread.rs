//! The reporter's side of the thread: a code opens it, wrong ones are slowed.

use super::Source;
use super::filing::cipher;
use crate::plane::Plane;
use crate::rim::{Problem, Reason};
use records::{PutError, StoreError, Versioned};
use reports::{Code, Message, MessageFrom, Report, ReportState, Secret, TEXT_BYTES_MAX};
use std::time::Duration;
use vault::{RecordKey, Slot, WrappedKey};
use vocabulary::Timestamp;

/// How often a message is written again when the report was changed meanwhile.
const ATTEMPTS: usize = 5;

/// What a reporter sees by their code.
pub(crate) struct Followed {
    /// When the report came in.
    pub(crate) received_at: Timestamp,
    /// How far it is.
    pub(crate) state: ReportState,
    /// The messages of both sides; none once the text was erased.
    pub(crate) messages: Vec<(MessageFrom, Timestamp, Secret)>,
    /// Whether the text was erased.
    pub(crate) erased: bool,
    pub(super) report: Versioned<Report>,
}

/// Why a code opens nothing.
pub(crate) enum NotOpened {
    /// It is no code of ours.
    Wrong,
    /// Too many wrong ones came from there.
    Slow(Duration),
    /// Something failed.
    Problem(Problem),
}

impl From<Problem> for NotOpened {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<StoreError> for NotOpened {
    fn from(error: StoreError) -> Self {
        Self::Problem(error.into())
    }
}

/// Opens a report by its code. Right and wrong codes take the same time.
pub(crate) async fn by_code(plane: &Plane, source: Source, typed: &str) -> Result<Followed, NotOpened> {
    let intake = &plane.intake;
    let now = plane.clock.now();
    intake.may_try(&source, now)?;
    let wrong = || {
        intake.wrong_try(source.clone(), now);
        NotOpened::Wrong
    };
    // A text that is no code at all, a slip most often, counts as well: it costs a look at the list alone.
    let code = Code::parse(typed).map_err(|_| wrong())?;
    let receipt = intake.receipt(&code).await.ok_or_else(|| Problem::new(Reason::Broken))?;
    let found = plane.records.report_by_locator(&receipt.locator()).await?;
    let report = found.filter(|held| held.value.receipt.matches(&receipt)).ok_or_else(wrong)?;
    let (received_at, state) = (report.value.received_at, report.value.state);
    let messages = messages(plane, &report.value).await?;
    let erased = messages.is_none();
    Ok(Followed { received_at, state, messages: messages.unwrap_or_default(), erased, report })
}

/// A message with its writer and time.
pub(super) type Line = (MessageFrom, Timestamp, Secret);

/// The messages of a report, opened; `None` when the key was destroyed.
pub(super) async fn messages(plane: &Plane, report: &Report) -> Result<Option<Vec<Line>>, Problem> {
    let Some(wrapped) = plane.records.report_key(report.id).await? else { return Ok(None) };
    let secret = plane.intake.vault.open_record(report.id, &WrappedKey(wrapped)).map_err(cipher)?;
    let mut lines = Vec::new();
    for (place, message) in report.thread.iter().enumerate() {
        let text = secret.message(place, &message.sealed).map_err(cipher)?;
        lines.push((message.from, message.at, text));
    }
    Ok(Some(lines))
}

/// Adds the reporter's message to a report that their code opened.
pub(crate) async fn write(plane: &Plane, followed: Followed, text: &Secret) -> Result<(), Problem> {
    add(plane, followed.report, MessageFrom::Reporter, text).await
}

/// Adds a message, sealed to the report's key.
pub(super) async fn add(
    plane: &Plane,
    mut held: Versioned<Report>,
    from: MessageFrom,
    text: &Secret,
) -> Result<(), Problem> {
    if text.is_blank() {
        return Err(Problem::new(Reason::Malformed).detail("the message is empty"));
    }
    if text.expose().len() > TEXT_BYTES_MAX {
        return Err(Problem::new(Reason::TooLarge).detail(format!("at most {TEXT_BYTES_MAX} bytes")));
    }
    for _ in 0..ATTEMPTS {
        let report = held.value;
        let id = report.id;
        let refused = |refusal: reports::ReportRefusal| Problem::refused(refusal.name(), refusal);
        let key = RecordKey::of(id, report.key().map_err(refused)?);
        let place = report.thread.len();
        let sealed = key.seal(Slot::Message(place), text.expose().trim().as_bytes()).map_err(cipher)?;
        let message = Message { from, at: plane.clock.now(), sealed };
        let report = report.write(message).map_err(refused)?;
        match plane.records.put_report(&report, held.version).await {
            Ok(_) => return Ok(()),
            Err(PutError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        held = plane.records.report(id).await?.ok_or_else(|| Problem::new(Reason::NotFound))?;
    }
    Err(Problem::new(Reason::Contended))
}
