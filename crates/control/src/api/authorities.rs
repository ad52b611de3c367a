//! The directory of authorities: entering, calling back, keys.

use super::Api;
use super::refusals::officer;
use crate::plane::Plane;
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use casework::{Addressee, CallOutcome, DirectoryEntry, DirectoryRefusal, DutyLine, Officer, Text};
use policy::{Pseudonym, PublicKey, Role};
use post::MailAddress;
use records::Versioned;
use serde::Deserialize;
use serde_json::{Value, json};
use vocabulary::{AuthorityId, EvidenceId, Timestamp};

/// An authority to enter.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAuthority {
    /// The liaison's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// Its name.
    #[schema(value_type = String)]
    name: Text,
    /// `{"jurisdiction": "XX"}` or `"fallback"`.
    #[schema(value_type = Object)]
    stands_for: Addressee,
    /// Where it takes mail.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mail: Option<MailAddress>,
    /// Its duty line: `number`, and the `source` it was found in, which is no message of its own.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    duty_line: Option<DutyLine>,
}

/// A step with an entry.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DirectoryStep {
    /// The liaison's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// `{"duty-line": {"number", "source"}}`, `{"mail": ADDRESS}`, `{"called": {"outcome", "log"}}` with an outcome of
    /// `confirmed`, `denied` or `unanswered`, `{"enter-key": KEY}`, `{"confirm-key": KEY}`, `{"end-key": KEY}` or
    /// `{"retire": REASON}`.
    #[schema(value_type = Object)]
    step: Step,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Step {
    DutyLine(DutyLine),
    Mail(MailAddress),
    Called {
        outcome: CallOutcome,
        #[serde(default)]
        log: Option<EvidenceId>,
    },
    EnterKey(PublicKey),
    ConfirmKey(PublicKey),
    EndKey(PublicKey),
    Retire(Text),
}

/// An entry as it is shown: with whether it is verified now.
fn shown(held: &Versioned<DirectoryEntry>, now: Timestamp) -> Value {
    json!({"authority": held.value, "verified_at": held.value.verified_at(now), "version": held.version})
}

fn liaison(plane: &Plane, pseudonym: &Pseudonym) -> Result<Officer, Problem> {
    let by = officer(plane, pseudonym)?;
    match by.role {
        Role::AuthorityLiaison | Role::DutyOfficer | Role::Legal => Ok(by),
        role => Err(Problem::refused("role-may-not", format!("the role {role} does not keep the directory"))),
    }
}

/// Lists the directory, first entered first.
#[utoipa::path(get, path = "/api/v1/authorities", tag = "authorities",
    responses((status = 200, description = "Each `authority` with `verified_at`, if it is verified now", body = Object)))]
pub(crate) async fn list(State(api): State<Api>) -> Result<axum::Json<Vec<Value>>, Problem> {
    let now = api.plane.clock.now();
    let all = api.plane.records.authorities().await?;
    Ok(axum::Json(all.iter().map(|held| shown(held, now)).collect()))
}

/// Enters an authority. It is verified by a call back, and by nothing that it sends.
#[utoipa::path(post, path = "/api/v1/authorities", tag = "authorities", request_body = NewAuthority,
    responses((status = 201, description = "`authority` with its id", body = Object)))]
pub(crate) async fn enter(
    State(api): State<Api>,
    Json(asked): Json<NewAuthority>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let by = liaison(plane, &asked.by)?;
    let (id, now) = (AuthorityId::random(&*plane.random), plane.clock.now());
    let mut value = DirectoryEntry::enter(id, asked.name, asked.stands_for, by, now);
    value.mail = asked.mail.map(|mail| text(&mail)).transpose()?;
    value.duty_line = asked.duty_line;
    let version = plane.records.put_authority(&value, 0).await?;
    Ok((StatusCode::CREATED, axum::Json(shown(&Versioned { version, value }, now))).into_response())
}

/// Changes an entry by one step.
#[utoipa::path(post, path = "/api/v1/authorities/{authority}/steps", tag = "authorities",
    params(("authority" = String, Path)), request_body = DirectoryStep,
    responses((status = 200, body = Object), (status = 404), (status = 409)))]
pub(crate) async fn step(
    State(api): State<Api>,
    Path(id): Path<AuthorityId>,
    Json(asked): Json<DirectoryStep>,
) -> Result<axum::Json<Value>, Problem> {
    let plane = &api.plane;
    let by = liaison(plane, &asked.by)?;
    let missing = || Problem::new(Reason::NotFound).detail(format!("there is no authority {id}"));
    let Versioned { version, mut value } = plane.records.authority(id).await?.ok_or_else(missing)?;
    let now = plane.clock.now();
    take(&mut value, asked.step, by, now)?;
    let version = plane.records.put_authority(&value, version).await?;
    Ok(axum::Json(shown(&Versioned { version, value }, now)))
}

fn take(entry: &mut DirectoryEntry, step: Step, by: Officer, now: Timestamp) -> Result<(), Problem> {
    let done = match step {
        Step::DutyLine(line) => entry.set_duty_line(line),
        Step::Mail(mail) => {
            entry.mail = Some(text(&mail)?);
            Ok(())
        }
        Step::Called { outcome, log } => entry.call_back(by, outcome, log, now),
        Step::EnterKey(key) => entry.enter_key(key, by, now),
        Step::ConfirmKey(key) => entry.confirm_key(&key, by, now),
        Step::EndKey(key) => entry.end_key(&key, now),
        Step::Retire(reason) => entry.retire(by, reason, now),
    };
    done.map_err(|refusal: DirectoryRefusal| Problem::refused(refusal.name(), refusal))
}

fn text(mail: &MailAddress) -> Result<Text, Problem> {
    mail.as_str().parse().map_err(|_| Problem::new(Reason::Malformed).detail("no mail address"))
}
