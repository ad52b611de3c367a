//! Suspend-all: putting it up, its exact bytes, its signatures.
//!
//! Signed like a decision, by another address; what is signed reaches the log by a reconciler.

use super::Api;
use super::refusals::officer;
use crate::bundles::BundleError;
use crate::plane::Plane;
use crate::rim::body::Json;
use crate::rim::{Problem, Reason};
use crate::suspension::{self, LoggedSuspension};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use casework::{SuspensionDraft, SuspensionStep};
use policy::{Approval, Pseudonym, SUSPENSION_AGAIN};
use records::{PutError, Versioned};
use serde::Deserialize;
use serde_json::{Value, json};

/// How often a signature is repeated when another came in between.
const ATTEMPTS: usize = 4;

/// A suspension to put up, or to confirm.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSuspension {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// Whether the one that acts shall stay.
    #[serde(default)]
    confirm: bool,
}

/// One officer's signature.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuspensionApproval {
    /// Key, role and signature over the bytes of `/bytes`.
    #[schema(value_type = Object)]
    approval: Approval,
}

/// What is suspended, and what waits for signatures. `beside` is a confirmed suspension that acts beside a newer one.
#[utoipa::path(get, path = "/api/v1/suspension", tag = "decisions", responses((status = 200, body = Object)))]
pub(crate) async fn one(State(api): State<Api>) -> Result<Response, Problem> {
    let held = api.plane.suspension_draft().await?;
    shown(&api.plane, StatusCode::OK, held.value.as_ref()).await
}

/// Puts a suspension up for signing: it sets every measure without an order aside for an hour from now on, or, with
/// `confirm`, for the rest of their leases.
#[utoipa::path(post, path = "/api/v1/suspension", tag = "decisions", request_body = NewSuspension,
    responses((status = 201, description = "The record under `pending`; sign the bytes of `/bytes`", body = Object),
        (status = 409, description = "One waits already, or the last one is not a day old, or none acts; `reason` says which")))]
pub(crate) async fn propose(
    State(api): State<Api>,
    Json(asked): Json<NewSuspension>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let by = officer(plane, &asked.by)?;
    let Versioned { version, value: held } = plane.suspension_draft().await?;
    let now = plane.clock.now();
    if held.is_some_and(|draft| now < draft.void_from() && keeps_its_place(plane, &draft)) {
        let why = "one is waiting for signatures already; it may be withdrawn";
        return Err(Problem::refused("suspension-waits", why));
    }
    let last = plane.last_suspension().await.map_err(broken)?;
    let step =
        if asked.confirm { confirming(plane, last.as_ref())? } else { beginning(plane, last.as_ref())? };
    let draft = suspension::draft(plane, last.as_ref(), step, (asked.by, by.to_string()));
    let draft = draft.map_err(|error| Problem::new(Reason::Broken).detail(error))?;
    plane.keep_suspension(Some(&draft), version).await?;
    plane.wake.notify_one();
    shown(plane, StatusCode::CREATED, Some(&draft)).await
}

/// What has enough signatures goes on at once. Where it does not, it bars nobody: neither this rule nor the answers say
/// why it was held.
fn keeps_its_place(plane: &Plane, draft: &SuspensionDraft) -> bool {
    draft.handed_in || draft.check(&plane.founded.roster).is_err()
}

fn beginning(plane: &Plane, last: Option<&LoggedSuspension>) -> Result<SuspensionStep, Problem> {
    let now = plane.clock.now();
    let free = last.map(|last| last.placed.entry.body.time.plus(SUSPENSION_AGAIN));
    match free.filter(|free| now < *free) {
        Some(free) => {
            let why = format!("the last one is not a day old; the next may begin {free}");
            Err(Problem::refused("suspended-lately", why))
        }
        None => Ok(SuspensionStep::Begin(now)),
    }
}

fn confirming(plane: &Plane, last: Option<&LoggedSuspension>) -> Result<SuspensionStep, Problem> {
    let acts = |last: &&LoggedSuspension| !last.is_confirmed() && plane.clock.now() < last.over_from();
    let begun = last.filter(acts).map(LoggedSuspension::from);
    begun
        .map(SuspensionStep::Confirm)
        .ok_or_else(|| Problem::refused("nothing-suspended", "no suspension acts that could be confirmed"))
}

/// Takes the record that waits for signatures away, unless it has gone to the log.
#[utoipa::path(delete, path = "/api/v1/suspension", tag = "decisions",
    responses((status = 200, body = Object), (status = 409, description = "It has gone to the log")))]
pub(crate) async fn withdraw(State(api): State<Api>) -> Result<Response, Problem> {
    let plane = &api.plane;
    let held = plane.suspension_draft().await?;
    if held.value.as_ref().is_some_and(|draft| draft.handed_in) {
        return Err(signed_already());
    }
    plane.keep_suspension(None, held.version).await?;
    shown(plane, StatusCode::OK, None).await
}

/// The exact bytes to sign.
#[utoipa::path(get, path = "/api/v1/suspension/bytes", tag = "decisions",
    responses((status = 200, description = "The bytes", content_type = "application/octet-stream"), (status = 404)))]
pub(crate) async fn bytes(State(api): State<Api>) -> Result<Response, Problem> {
    let draft = waiting(&api.plane).await?.1;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], draft.body).into_response())
}

/// Takes a signature.
#[utoipa::path(post, path = "/api/v1/suspension/approvals", tag = "decisions", request_body = SuspensionApproval,
    responses((status = 200, body = Object), (status = 409, description = "Not taken; `reason` says why")))]
pub(crate) async fn approve(
    State(api): State<Api>,
    Json(asked): Json<SuspensionApproval>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    for _ in 0..ATTEMPTS {
        let (version, draft) = waiting(plane).await?;
        if draft.check(&plane.founded.roster).is_ok() {
            return Err(signed_already());
        }
        let next = draft.sign(asked.approval.clone(), &plane.founded.roster);
        let next = next.map_err(|refusal| Problem::refused(refusal.name(), refusal.to_string()))?;
        match plane.keep_suspension(Some(&next), version).await {
            Ok(()) => {
                plane.wake.notify_one();
                return shown(plane, StatusCode::OK, Some(&next)).await;
            }
            Err(PutError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Reason::Contended))
}

async fn waiting(plane: &Plane) -> Result<(u64, SuspensionDraft), Problem> {
    let held = plane.suspension_draft().await?;
    let draft = held.value.filter(|draft| plane.clock.now() < draft.void_from());
    let missing = || Problem::new(Reason::NotFound).detail("no suspension waits for signatures");
    Ok((held.version, draft.ok_or_else(missing)?))
}

fn signed_already() -> Problem {
    Problem::refused("approved-already", "enough officers have signed; the record goes its way")
}

fn broken(error: BundleError) -> Problem {
    Problem::new(Reason::Broken).detail(error)
}

async fn shown(
    plane: &Plane,
    status: StatusCode,
    draft: Option<&SuspensionDraft>,
) -> Result<Response, Problem> {
    let now = plane.clock.now();
    let acting = plane.suspensions_at(now).await.map_err(broken)?;
    let acting: Vec<Value> = acting.iter().map(acts).collect();
    let pending = draft.filter(|draft| now < draft.void_from()).map(|draft| pending(plane, draft));
    Ok((
        status,
        axum::Json(json!({"suspended": acting.first(), "beside": acting.get(1), "pending": pending})),
    )
        .into_response())
}

fn acts(suspension: &LoggedSuspension) -> Value {
    json!({
        "since": suspension.from(),
        "until": suspension.until(),
        "confirmed": suspension.is_confirmed(),
        "index": suspension.placed.index,
    })
}

fn pending(plane: &Plane, draft: &SuspensionDraft) -> Value {
    let missing = draft.check(&plane.founded.roster).err();
    json!({
        "by": draft.by,
        "step": draft.step,
        "sign_until": draft.void_from(),
        "roles": draft.approvals.iter().map(|approval| approval.role).collect::<Vec<_>>(),
        "missing": missing.map(|refusal| json!({"reason": refusal.name(), "text": refusal.to_string()})),
    })
}
