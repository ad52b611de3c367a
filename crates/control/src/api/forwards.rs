//! M0: the message by which a matter is forwarded to the customer, written from findings.

use super::Api;
use super::refusals::{case, officer};
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use policy::{Pseudonym, ServiceClass};
use serde::{Deserialize, Serialize};
use vocabulary::{CaseId, FindingId};

/// What is forwarded.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewForward {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// The class of the service: `H`, `S` or `C`.
    #[schema(value_type = String)]
    class: ServiceClass,
    /// The findings whose items the customer is told of.
    #[schema(value_type = Vec<String>)]
    findings: Vec<FindingId>,
}

/// The message, to be sent to the customer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Message {
    /// One line.
    subject: String,
    /// The text.
    body: String,
}

/// Writes the message by which a report is forwarded (M0): of findings alone, never of what a reporter wrote. It is
/// not sent from here.
#[utoipa::path(post, path = "/api/v1/cases/{case}/forward", tag = "cases", params(("case" = String, Path)),
    request_body = NewForward,
    responses((status = 200, body = Message),
        (status = 409, description = "Nothing is forwarded; `reason` says why")))]
pub(crate) async fn forward(
    State(api): State<Api>,
    Path(id): Path<CaseId>,
    Json(asked): Json<NewForward>,
) -> Result<axum::Json<Message>, Problem> {
    let plane = &api.plane;
    officer(plane, &asked.by)?;
    let held = case(plane, id).await?;
    let (matrix, contact) = (&plane.founded.matrix, plane.contact());
    let written = casework::forward(&held.value, &asked.findings, asked.class, matrix, &contact)
        .map_err(|refusal| Problem::refused(refusal.name(), refusal))?;
    // The second line: findings are officers' words, and officers read reports.
    plane.intake.check(&written.body).map_err(|_| Problem::new(Reason::VaultText))?;
    Ok(axum::Json(Message { subject: written.subject, body: written.body }))
}
