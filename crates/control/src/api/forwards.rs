//! M0: the message by which a matter is forwarded to the customer, written from findings and sent by mail.

use super::Api;
use super::refusals::{case, officer};
use crate::mail::Queuing;
use crate::plane::Plane;
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use casework::{Case, Forward};
use policy::{Pseudonym, ServiceClass};
use post::{Letter, Mail, Purpose};
use serde::{Deserialize, Serialize};
use vocabulary::{CaseId, Digest, FindingId, MailId};

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
    /// Whether it goes to the customer's mail address now; else it is only written.
    #[serde(default)]
    send: bool,
}

/// The message to the customer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Message {
    /// One line.
    pub(crate) subject: String,
    /// The text.
    pub(crate) body: String,
    /// The mail that carries it, where it was to be sent.
    #[schema(value_type = Option<String>)]
    pub(crate) mail: Option<MailId>,
}

/// Writes the message by which a report is forwarded (M0): of findings alone, never of what a reporter wrote. With `send`
/// it goes into the queue of mail to the customer; the same message goes once, however often it is sent.
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
    let (policy, contact) = (plane.founded.policies.of_case(&held.value), plane.contact());
    let written = casework::forward(&held.value, &asked.findings, asked.class, &policy.matrix, &contact)
        .map_err(|refusal| Problem::refused(refusal.name(), refusal))?;
    // The second line: findings are officers' words, and officers read reports.
    plane.intake.check(&written.body).map_err(|_| Problem::new(Reason::VaultText))?;
    let mail = if asked.send { Some(send(plane, &held.value, &written).await?) } else { None };
    Ok(axum::Json(Message { subject: written.subject, body: written.body, mail }))
}

/// Puts the message into the queue, for the address the customer gave.
async fn send(plane: &Plane, case: &Case, written: &Forward) -> Result<MailId, Problem> {
    if plane.post.carrier.is_none() {
        return Err(Problem::refused(
            "mail-not-set-up",
            "no mail server is set (mail.smtp); tell the customer yourself",
        ));
    }
    let fleet = plane.fleet().await?;
    let account = fleet.accounts.into_iter().find(|account| account.id == case.account);
    let to = account.and_then(|account| account.mail).ok_or_else(|| {
        Problem::new(Reason::NotFound).detail("the customer has no mail address (`mail` of its account)")
    })?;
    let letter = Letter::new(to, written.subject.clone(), written.body.clone());
    let letter = letter.map_err(|error| Problem::new(Reason::Malformed).detail(error))?;
    let about = format!("{} {}", case.id, Digest::of(written.body.as_bytes()));
    let mail = Mail::queued(Purpose::Forward, about, letter, plane.clock.now());
    match plane.queue_mail(&mail).await? {
        Queuing::New | Queuing::Known => Ok(mail.id),
        Queuing::HeldBack => Err(Problem::new(Reason::VaultText)),
    }
}
