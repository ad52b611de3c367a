//! The confidential fields behind a decision's entry: telling some of them.
//!
//! What is told carries its salts, so that whoever gets it compares it with the log alone.

use super::Api;
use super::decisions::{broken, decision};
use super::refusals::officer;
use crate::plane::Plane;
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use casework::Decision;
use ledger::Body;
use policy::Pseudonym;
use serde::Deserialize;
use serde_json::json;
use vocabulary::{DecisionId, Digest};

/// Fields to tell somebody.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDisclosure {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// Their names; those that are not there are passed over.
    fields: Vec<String>,
}

/// Tells some of the fields that a decision's entry commits to, with what proves them.
#[utoipa::path(post, path = "/api/v1/decisions/{decision}/disclosure", tag = "decisions",
    params(("decision" = String, Path)), request_body = NewDisclosure,
    responses((status = 200, description = "`disclosure` holds the commitments and the fields; `entry` the hash of the leaf", body = Object),
        (status = 404, description = "Nothing was sealed, or it was erased")))]
pub(crate) async fn disclose(
    State(api): State<Api>,
    Path(id): Path<DecisionId>,
    Json(asked): Json<NewDisclosure>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let by = officer(plane, &asked.by)?;
    let held = decision(plane, id).await?.value;
    let (root, leaf) = commitment(plane, &held).await?;
    let sealed = plane.sealed_fields(&root).await?;
    let erased = || Problem::new(Reason::NotFound).detail("the fields were erased");
    let names: Vec<&str> = asked.fields.iter().map(String::as_str).collect();
    let disclosure = sealed.ok_or_else(erased)?.disclose(&names).map_err(|error| broken(&error))?;
    tracing::info!(decision = %id, %by, fields = disclosure.fields.len(), "confidential fields told");
    Ok((StatusCode::OK, axum::Json(json!({"entry": leaf, "disclosure": disclosure}))).into_response())
}

/// What the decision's first entry commits to, and its leaf.
async fn commitment(plane: &Plane, decision: &Decision) -> Result<(Digest, Digest), Problem> {
    let missing = || Problem::new(Reason::NotFound).detail("the decision's entry commits to no fields");
    let first = decision.former.first().map(|former| former.logged).or(decision.state.logged().copied());
    let first =
        first.ok_or_else(|| Problem::new(Reason::NotFound).detail("the decision is not in the log"))?;
    let placed = plane.entry(first.index).await.map_err(|error| broken(&error))?;
    let Body { commitments, .. } = &placed.entry.body;
    let leaf = placed.entry.leaf_hash().map_err(|error| broken(&error))?;
    Ok((commitments.ok_or_else(missing)?, leaf))
}
