//! Erasing the confidential fields of an entry: putting it up, its exact bytes, its signatures.
//!
//! Signed like a decision, by another address; what enough officers signed is carried out by a reconciler.

use super::Api;
use super::decisions::broken;
use super::refusals::officer;
use crate::erasing::ERASURES_MAX;
use crate::plane::Plane;
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use casework::{ERASURE_WINDOW, ErasureDraft, Text};
use ledger::{Erasure, ErasureFormat};
use policy::{Approval, Pseudonym};
use records::PutError;
use serde::Deserialize;
use serde_json::json;
use vocabulary::canonical;

/// How often a change is repeated when another came in between.
const ATTEMPTS: usize = 4;

/// Fields to erase.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewErasure {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// Why, for the operator.
    #[schema(value_type = String)]
    reason: Text,
}

/// One officer's signature.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErasureApproval {
    /// Key, role and signature over the bytes of `/bytes`.
    #[schema(value_type = Object)]
    approval: Approval,
}

/// Puts up that the confidential fields of an entry be erased, for good; the log gets a tombstone, and every proof stays
/// valid.
#[utoipa::path(post, path = "/api/v1/entries/{index}/erasure", tag = "decisions",
    params(("index" = u64, Path)), request_body = NewErasure,
    responses((status = 201, description = "Two officers sign the bytes of `/bytes` within the hour", body = Object),
        (status = 404, description = "Nothing was sealed, or it was erased"),
        (status = 409, description = "The fields are still kept; `detail` says until when")))]
pub(crate) async fn propose(
    State(api): State<Api>,
    Path(index): Path<u64>,
    Json(asked): Json<NewErasure>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    officer(plane, &asked.by)?;
    let draft = draft(plane, index, asked).await?;
    for _ in 0..ATTEMPTS {
        let held = plane.erasures().await?;
        let mut drafts = held.value;
        drafts.retain(|other| other.index != index && is_awaited(plane, other));
        if drafts.len() >= ERASURES_MAX {
            return Err(Problem::new(Reason::Contended).detail("too many erasings wait for signatures"));
        }
        drafts.push(draft.clone());
        match plane.keep_erasures(&drafts, held.version).await {
            Ok(()) => return Ok(shown(plane, StatusCode::CREATED, &draft)),
            Err(PutError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Reason::Contended))
}

/// Whether it waits for signatures, or for its place in the log.
fn is_awaited(plane: &Plane, draft: &ErasureDraft) -> bool {
    draft.waits(plane.clock.now()) || draft.check(&plane.founded.roster).is_ok()
}

async fn draft(plane: &Plane, index: u64, asked: NewErasure) -> Result<ErasureDraft, Problem> {
    let missing = || Problem::new(Reason::NotFound).detail(format!("there is no entry {index}"));
    if plane.sequencer.published().is_none_or(|published| published.size <= index) {
        return Err(missing());
    }
    let placed = plane.entry(index).await.map_err(|error| broken(&error))?;
    let root = plane.erasable(&placed).await?;
    let erased = || Problem::new(Reason::NotFound).detail("the fields were erased");
    plane.sealed_fields(&root).await?.ok_or_else(erased)?;
    let leaf = placed.entry.leaf_hash().map_err(|error| broken(&error))?;
    let until = plane.clock.now().plus(ERASURE_WINDOW);
    let roster = plane.founded.roster.hash();
    let said = Erasure { format: ErasureFormat::V1, entry: leaf, roster, until };
    let body = canonical::to_bytes(&said).map_err(|error| broken(&error))?;
    Ok(ErasureDraft {
        body: String::from_utf8(body).map_err(|error| broken(&error))?,
        index,
        leaf,
        root,
        subject: placed.entry.body.subject,
        by: asked.by,
        reason: asked.reason,
        until,
        approvals: Vec::new(),
    })
}

/// The exact bytes to sign.
#[utoipa::path(get, path = "/api/v1/entries/{index}/erasure/bytes", tag = "decisions", params(("index" = u64, Path)),
    responses((status = 200, description = "The bytes", content_type = "application/octet-stream"), (status = 404)))]
pub(crate) async fn bytes(State(api): State<Api>, Path(index): Path<u64>) -> Result<Response, Problem> {
    let drafts = api.plane.erasures().await?.value;
    let draft = waiting(&api.plane, drafts.into_iter(), index)?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], draft.body).into_response())
}

/// Takes a signature.
#[utoipa::path(post, path = "/api/v1/entries/{index}/erasure/approvals", tag = "decisions",
    params(("index" = u64, Path)), request_body = ErasureApproval,
    responses((status = 200, body = Object), (status = 409, description = "Not taken; `reason` says why")))]
pub(crate) async fn approve(
    State(api): State<Api>,
    Path(index): Path<u64>,
    Json(asked): Json<ErasureApproval>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let roster = &plane.founded.roster;
    for _ in 0..ATTEMPTS {
        let held = plane.erasures().await?;
        let draft = waiting(plane, held.value.iter().cloned(), index)?;
        if draft.check(roster).is_ok() {
            let why = "enough officers have signed; the fields are erased";
            return Err(Problem::refused("approved-already", why));
        }
        let next = draft.sign(asked.approval.clone(), roster);
        let next = next.map_err(|refusal| Problem::refused(refusal.name(), refusal.to_string()))?;
        let mut drafts = held.value;
        drafts.retain(|other| other.index != index);
        drafts.push(next.clone());
        match plane.keep_erasures(&drafts, held.version).await {
            Ok(()) => {
                plane.wake.notify_one();
                return Ok(shown(plane, StatusCode::OK, &next));
            }
            Err(PutError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Reason::Contended))
}

fn waiting(
    plane: &Plane,
    mut drafts: impl Iterator<Item = ErasureDraft>,
    index: u64,
) -> Result<ErasureDraft, Problem> {
    let now = plane.clock.now();
    let missing = || Problem::new(Reason::NotFound).detail("no erasing of that entry waits for signatures");
    drafts.find(|draft| draft.index == index && draft.waits(now)).ok_or_else(missing)
}

fn shown(plane: &Plane, status: StatusCode, draft: &ErasureDraft) -> Response {
    let missing = draft.check(&plane.founded.roster).err();
    let pending = json!({
        "by": draft.by,
        "entry": draft.index,
        "subject": draft.subject,
        "reason": draft.reason,
        "sign_until": draft.until,
        "roles": draft.approvals.iter().map(|approval| approval.role).collect::<Vec<_>>(),
        "missing": missing.map(|refusal| json!({"reason": refusal.name(), "text": refusal.to_string()})),
    });
    (status, axum::Json(json!({"pending": pending}))).into_response()
}
