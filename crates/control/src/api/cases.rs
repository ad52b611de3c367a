//! Cases: opening, reading, recording facts, asking the gate.

use super::Api;
use super::evidence::{EvidenceView, sealed};
use super::orders;
use super::refusals::{case, changed_case, officer};
use crate::rim::body::Json;
use crate::rim::extract::{Path, Query};
use crate::rim::page::{PageOf, PageQuery};
use crate::rim::version::{Wanted, etag};
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use casework::{Case, CaseStatus, Fact, Text};
use policy::{Ground, Measure, Pseudonym};
use records::Versioned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vocabulary::{AccountId, CaseId, OrderId, Timestamp};

/// A case to open.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCase {
    /// The customer, by id or name.
    account: String,
    /// What is alleged, in one line.
    #[schema(value_type = String)]
    allegation: Text,
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
}

/// An officer who gives a reason.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Closing {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// Why.
    #[schema(value_type = String)]
    reason: Text,
}

/// A fact to record, in place of an older one of its kind.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFact {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// `danger` (E2), `nexus` (E3), `concerned` (E4), `lesser-measures` (E5), `safety` (E6),
    /// `legal-review` (E7), `declaration` (E8) or `site-conduct` (E9).
    #[schema(value_type = Object)]
    fact: Fact,
}

/// One line of the list of cases.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CaseLine {
    /// Its id.
    #[schema(value_type = String)]
    id: CaseId,
    /// About which customer.
    #[schema(value_type = String)]
    account: AccountId,
    /// What is alleged.
    #[schema(value_type = String)]
    allegation: Text,
    /// Whether it is worked on.
    open: bool,
    /// When it was opened.
    #[schema(value_type = String)]
    opened_at: Timestamp,
    /// How many findings it has.
    findings: usize,
}

/// A case with its evidence; lone ratings are sealed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CaseView {
    /// The case.
    #[schema(value_type = Object)]
    case: Value,
    /// Its evidence, without the files.
    evidence: Vec<EvidenceView>,
    /// Its version, as in the ETag.
    version: u64,
}

/// What a measure is asked of the gate for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GateQuery {
    /// The measure sought, such as `M5`.
    #[param(value_type = Option<String>)]
    measure: Option<Measure>,
    /// The ground it would rest on; `emergency` when left out.
    #[param(value_type = Option<String>)]
    ground: Option<Ground>,
    /// For the ground order: the order that would be carried out.
    #[param(value_type = Option<String>)]
    order: Option<OrderId>,
}

/// A case as it is answered after a change: id and version, with the ETag.
pub(super) fn answered(status: StatusCode, kept: &Versioned<Case>, mut more: Value) -> Response {
    more["case"] = json!(kept.value.id);
    more["version"] = json!(kept.version);
    (status, [(header::ETAG, etag(kept.version))], axum::Json(more)).into_response()
}

/// Lists the cases, last opened first.
#[utoipa::path(get, path = "/api/v1/cases", tag = "cases", params(PageQuery),
    responses((status = 200, body = PageOf<CaseLine>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<PageOf<CaseLine>>, Problem> {
    let listing = api.plane.records.list_cases(query.page()?).await?;
    Ok(axum::Json(PageOf::of(listing, |held| CaseLine {
        id: held.value.id,
        account: held.value.account,
        open: held.value.status == CaseStatus::Open,
        opened_at: held.value.opened_at,
        findings: held.value.findings.len(),
        allegation: held.value.allegation,
    })))
}

/// Opens a case.
#[utoipa::path(post, path = "/api/v1/cases", tag = "cases", request_body = NewCase,
    responses((status = 201, description = "`case` is its id"), (status = 404, description = "No such customer")))]
pub(crate) async fn open(State(api): State<Api>, Json(asked): Json<NewCase>) -> Result<Response, Problem> {
    let plane = &api.plane;
    let fleet = plane.fleet().await?;
    let named = |account: &&records::Account| {
        account.name == asked.account || account.id.to_string() == asked.account
    };
    let account = fleet.accounts.iter().find(named).ok_or_else(|| {
        Problem::new(Reason::NotFound)
            .detail("there is no customer of that id or name; `GET /api/v1/sites` lists them")
    })?;
    let by = officer(plane, &asked.by)?;
    let id = CaseId::random(&*plane.random);
    let value = Case::open(id, account.id, asked.allegation, by, plane.clock.now());
    let version = plane.records.put_case(&value, 0).await?;
    let mut response = answered(StatusCode::CREATED, &Versioned { version, value }, json!({}));
    if let Ok(location) = format!("/api/v1/cases/{id}").parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Gives one case.
#[utoipa::path(get, path = "/api/v1/cases/{case}", tag = "cases", params(("case" = String, Path)),
    responses((status = 200, body = CaseView), (status = 404)))]
pub(crate) async fn one(State(api): State<Api>, Path(id): Path<CaseId>) -> Result<Response, Problem> {
    let held = case(&api.plane, id).await?;
    let evidence = api.plane.records.evidence_of(id).await?;
    let evidence = evidence.into_iter().map(EvidenceView::from).collect();
    let view = CaseView { case: held.value.sealed_view(), evidence, version: held.version };
    Ok(([(header::ETAG, etag(held.version))], axum::Json(view)).into_response())
}

/// Closes a case.
#[utoipa::path(post, path = "/api/v1/cases/{case}/close", tag = "cases", params(("case" = String, Path)),
    request_body = Closing, responses((status = 200), (status = 409)))]
pub(crate) async fn close(
    State(api): State<Api>,
    Path(id): Path<CaseId>,
    fields: HeaderMap,
    Json(asked): Json<Closing>,
) -> Result<Response, Problem> {
    let by = officer(&api.plane, &asked.by)?;
    let wanted = Wanted::of(&fields)?;
    let ((), kept) = changed_case(&api.plane, id, wanted, |case, now| {
        *case = case.clone().close(by.clone(), now, asked.reason.clone())?;
        Ok(())
    })
    .await?;
    Ok(answered(StatusCode::OK, &kept, json!({})))
}

/// Records a fact.
#[utoipa::path(put, path = "/api/v1/cases/{case}/facts", tag = "cases", params(("case" = String, Path)),
    request_body = NewFact, responses((status = 200), (status = 409)))]
pub(crate) async fn record_fact(
    State(api): State<Api>,
    Path(id): Path<CaseId>,
    fields: HeaderMap,
    Json(asked): Json<NewFact>,
) -> Result<Response, Problem> {
    let by = officer(&api.plane, &asked.by)?;
    let wanted = Wanted::of(&fields)?;
    sealed(&api, id, &asked.fact.evidence()).await?;
    let ((), kept) = changed_case(&api.plane, id, wanted, |case, now| {
        Ok(case.record(asked.fact.clone(), by.clone(), now)?)
    })
    .await?;
    Ok(answered(StatusCode::OK, &kept, json!({})))
}

/// Runs the gate on the facts as they are.
#[utoipa::path(get, path = "/api/v1/cases/{case}/gate", tag = "cases",
    params(("case" = String, Path), GateQuery),
    responses((status = 200, description = "The verdict: `open`, and each condition held or closed with reasons", body = Object)))]
pub(crate) async fn gate(
    State(api): State<Api>,
    Path(id): Path<CaseId>,
    Query(query): Query<GateQuery>,
) -> Result<axum::Json<Value>, Problem> {
    let held = case(&api.plane, id).await?;
    let (measure, ground) = (query.measure.unwrap_or(Measure::M5), query.ground.unwrap_or(Ground::Emergency));
    let order = orders::named(&api.plane, query.order).await?;
    let verdict = casework::assess((&held.value, order.as_ref()), measure, ground, api.plane.clock.now());
    let texts: Vec<Value> = verdict
        .reasons()
        .map(|(condition, reason)| {
            json!({"condition": condition, "reason": reason.name(), "text": reason.to_string()})
        })
        .collect();
    let mut answer = json!(verdict);
    answer["reasons"] = Value::Array(texts);
    Ok(axum::Json(answer))
}
