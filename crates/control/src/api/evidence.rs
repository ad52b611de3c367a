//! Evidence: write-once files, and every reading is an event.

use super::Api;
use super::refusals::{case, officer};
use crate::rim::extract::{Path, Query};
use crate::rim::{Problem, Reason, body};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use policy::Pseudonym;
use records::bounds::EVIDENCE_BYTES_MAX;
use records::{Evidence, EvidenceSummary, Reading};
use serde::{Deserialize, Serialize};
use vocabulary::{CaseId, Digest, EvidenceId, Timestamp};

/// What is known about a file without reading it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EvidenceView {
    /// Its id.
    #[schema(value_type = String)]
    id: EvidenceId,
    /// Its media type.
    media_type: String,
    /// SHA-256 of the file.
    #[schema(value_type = String)]
    sha256: Digest,
    /// Its size in bytes.
    size: u64,
    /// When it was sealed.
    #[schema(value_type = String)]
    at: Timestamp,
}

/// Who reads.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Reader {
    /// The officer's pseudonym.
    #[param(value_type = String)]
    by: Pseudonym,
}

impl From<EvidenceSummary> for EvidenceView {
    fn from(summary: EvidenceSummary) -> Self {
        let EvidenceSummary { id, media_type, sha256, size, at, .. } = summary;
        Self { id, media_type, sha256, size, at }
    }
}

/// The digests of files that are named, each of which must be sealed in this case.
pub(super) async fn sealed(api: &Api, case: CaseId, named: &[EvidenceId]) -> Result<Vec<Digest>, Problem> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let held = api.plane.records.evidence_of(case).await?;
    let digest = |id: &EvidenceId| {
        let summary = held.iter().find(|summary| summary.id == *id);
        let unknown = || Problem::new(Reason::EvidenceUnknown).detail(id);
        summary.map(|summary| summary.sha256).ok_or_else(unknown)
    };
    named.iter().map(digest).collect()
}

/// Lists a case's evidence, first sealed first.
#[utoipa::path(get, path = "/api/v1/cases/{case}/evidence", tag = "evidence", params(("case" = String, Path)),
    responses((status = 200, body = Vec<EvidenceView>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Path(id): Path<CaseId>,
) -> Result<axum::Json<Vec<EvidenceView>>, Problem> {
    case(&api.plane, id).await?;
    let held = api.plane.records.evidence_of(id).await?;
    Ok(axum::Json(held.into_iter().map(EvidenceView::from).collect()))
}

/// Seals a file of at most 8 MiB as evidence.
#[utoipa::path(post, path = "/api/v1/cases/{case}/evidence", tag = "evidence", params(("case" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = EvidenceView), (status = 413)))]
pub(crate) async fn put(
    State(api): State<Api>,
    Path(id): Path<CaseId>,
    request: Request,
) -> Result<Response, Problem> {
    let held = case(&api.plane, id).await?;
    if held.value.status != casework::CaseStatus::Open {
        return Err(Problem::refused("case-closed", "the case is closed; open a new one"));
    }
    let media_type = match body::media_type(request.headers()) {
        given if given.is_empty() => "application/octet-stream".to_owned(),
        given => given,
    };
    let bytes = body::whole(request.into_body(), EVIDENCE_BYTES_MAX).await?;
    if bytes.is_empty() {
        return Err(Problem::new(Reason::Malformed).detail("the body is the file; it is empty"));
    }
    let evidence_id = EvidenceId::random(&*api.plane.random);
    let evidence = Evidence::new(evidence_id, id, media_type, bytes.to_vec(), api.plane.clock.now());
    api.plane.records.put_evidence(&evidence).await?;
    Ok((StatusCode::CREATED, axum::Json(EvidenceView::from(evidence.summary))).into_response())
}

/// Gives a file; that an officer read it is noted first.
#[utoipa::path(get, path = "/api/v1/evidence/{evidence}", tag = "evidence",
    params(("evidence" = String, Path), Reader),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404)))]
pub(crate) async fn read(
    State(api): State<Api>,
    Path(id): Path<EvidenceId>,
    Query(reader): Query<Reader>,
) -> Result<Response, Problem> {
    let reader = officer(&api.plane, &reader.by)?;
    let reading = Reading { reader: reader.to_string(), at: api.plane.clock.now() };
    let evidence = api.plane.records.read_evidence(id, &reading).await?;
    let evidence = evidence.ok_or_else(|| Problem::new(Reason::NotFound))?;
    let mut response = evidence.bytes.into_response();
    let fields = response.headers_mut();
    let media_type = HeaderValue::from_str(&evidence.summary.media_type);
    let media_type = media_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    fields.insert(header::CONTENT_TYPE, media_type);
    // What was captured from elsewhere is saved, never shown as a page of this console.
    fields.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    fields.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(response)
}
