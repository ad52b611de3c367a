//! Reports of machines: which format a document is in.

use crate::rim::{Problem, Reason};
use reports::xarf::{self, Strictness};
use reports::{IntakeError, Submission, arf, form};

/// Reads a document by its media type: XARF when the JSON says so, else the plain fields; a mail otherwise.
pub(crate) fn document(
    media_type: &str,
    strictness: Strictness,
    bytes: &[u8],
) -> Result<Submission, Problem> {
    let read = match media_type {
        "application/xarf+json" => xarf::parse(bytes, strictness),
        "application/json" if is_xarf(bytes) => xarf::parse(bytes, strictness),
        "application/json" => form::from_json(bytes),
        "message/rfc822" | "multipart/report" | "message/feedback-report" => arf::parse(bytes),
        _ => return Err(Problem::new(Reason::ReportFormat)),
    };
    read.map_err(refused)
}

/// Looked at before it is read: what only XARF has.
fn is_xarf(bytes: &[u8]) -> bool {
    let has = |mark: &[u8]| bytes.windows(mark.len()).any(|window| window == mark);
    has(b"\"xarf_version\"") || has(b"\"source_identifier\"") || has(b"\"ReporterInfo\"")
}

/// The refusal names what is wrong and repeats nothing of what was sent.
pub(crate) fn refused(error: IntakeError) -> Problem {
    let reason = match error {
        IntakeError::TooLarge { .. } => Reason::TooLarge,
        _ => Reason::ReportUnreadable,
    };
    Problem::new(reason).with("why", error.name().into()).detail(error)
}
