//! Findings and their ratings.

use super::Api;
use super::cases::answered;
use super::evidence::sealed;
use super::refusals::{changed_case, happened, officer};
use crate::rim::Problem;
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::version::Wanted;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use casework::{Appearance, Credibility, Finding, PostedAt, Rating, Ratings, Source, Text};
use policy::Pseudonym;
use serde::Deserialize;
use serde_json::json;
use vocabulary::{CaseId, EvidenceId, FindingId, Timestamp};

/// A finding to add.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFinding {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// The captures behind it, sealed before.
    #[schema(value_type = Vec<String>)]
    evidence: Vec<EvidenceId>,
    /// Where the captures come from: `{"grade": "A"}` to `{"grade": "E"}`; grade C names its `supplier`.
    #[schema(value_type = Object)]
    source: Source,
    /// When it was captured; now when left out.
    #[schema(value_type = Option<String>)]
    captured_at: Option<Timestamp>,
    /// A mark that is the same for two captures of one item, such as its permanent address.
    #[schema(value_type = String)]
    item: Text,
    /// The apparent author, if anything tells authors apart.
    #[schema(value_type = Option<String>)]
    author: Option<Text>,
    /// `posted`, `promoted` or `elsewhere`.
    #[schema(value_type = String)]
    appearance: Appearance,
    /// `{"instant": T}`, `{"interval": {"from": T, "to": T}}` or `"unknown"`.
    #[schema(value_type = Object)]
    posted_at: PostedAt,
}

/// A rating to add.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRating {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// `credible` or `not-credible`.
    #[schema(value_type = String)]
    credibility: Credibility,
    /// That the other rating was not seen.
    unsighted: bool,
    /// Why.
    #[schema(value_type = String)]
    reason: Text,
}

/// Adds a finding; its evidence must be sealed in this case.
#[utoipa::path(post, path = "/api/v1/cases/{case}/findings", tag = "findings", params(("case" = String, Path)),
    request_body = NewFinding, responses((status = 201, description = "`finding` is its id"), (status = 409), (status = 422)))]
pub(crate) async fn add(
    State(api): State<Api>,
    Path(case): Path<CaseId>,
    fields: HeaderMap,
    Json(asked): Json<NewFinding>,
) -> Result<Response, Problem> {
    let filed_by = officer(&api.plane, &asked.by)?;
    let wanted = Wanted::of(&fields)?;
    let sha256 = sealed(&api, case, &asked.evidence).await?;
    let id = FindingId::random(&*api.plane.random);
    let captured_at = happened(asked.captured_at, api.plane.clock.now())?;
    let finding = Finding {
        id,
        evidence: asked.evidence,
        sha256,
        source: asked.source,
        captured_at,
        filed_by,
        item: asked.item,
        author: asked.author,
        appearance: asked.appearance,
        posted_at: asked.posted_at,
        ratings: Ratings::default(),
    };
    let ((), kept) =
        changed_case(&api.plane, case, wanted, |case, _| Ok(case.add_finding(finding.clone())?)).await?;
    Ok(answered(StatusCode::CREATED, &kept, json!({"finding": id})))
}

/// Rates a finding. A lone rating stays sealed until the second one is in.
#[utoipa::path(post, path = "/api/v1/cases/{case}/findings/{finding}/ratings", tag = "findings",
    params(("case" = String, Path), ("finding" = String, Path)), request_body = NewRating,
    responses((status = 201), (status = 409)))]
pub(crate) async fn rate(
    State(api): State<Api>,
    Path((case, finding)): Path<(CaseId, FindingId)>,
    fields: HeaderMap,
    Json(asked): Json<NewRating>,
) -> Result<Response, Problem> {
    let by = officer(&api.plane, &asked.by)?;
    let wanted = Wanted::of(&fields)?;
    let ((), kept) = changed_case(&api.plane, case, wanted, |case, now| {
        let rating = Rating {
            by: by.clone(),
            at: now,
            credibility: asked.credibility,
            unsighted: asked.unsighted,
            reason: asked.reason.clone(),
        };
        Ok(case.rate(finding, rating)?)
    })
    .await?;
    Ok(answered(StatusCode::CREATED, &kept, json!({"finding": finding})))
}
