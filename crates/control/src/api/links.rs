//! Sites elsewhere that seem to be run by the same people: noted, confirmed, and then cases of their own.

use super::Api;
use super::cases::answered;
use super::refusals::{case as one_case, changed_case, officer};
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::version::Wanted;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use casework::{Mark, Text, Voice};
use policy::Pseudonym;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;
use vocabulary::{CaseId, SitePattern};

/// A site that seems to be run by the same people.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLink {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// Its host.
    #[schema(value_type = String)]
    host: SitePattern,
    /// What it shares: `key`, `announced`, `staff`; and, which alone links nothing, `favicon`, `design`, `content`.
    #[schema(value_type = Vec<String>)]
    marks: BTreeSet<Mark>,
    /// `as`: it speaks as the site of the case; `about`: it speaks about it, and is not linked.
    #[schema(value_type = String)]
    voice: Voice,
    /// Why you take it for the same.
    #[schema(value_type = String)]
    reason: Text,
}

/// The confirmation of a link.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirming {
    /// The officer's pseudonym; another than who noted it.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// The host that was noted.
    #[schema(value_type = String)]
    host: SitePattern,
}

/// Notes a site that seems to be run by the same people. It is no scope: nothing reaches it from this case.
#[utoipa::path(post, path = "/api/v1/cases/{case}/links", tag = "cases", params(("case" = String, Path)),
    request_body = NewLink, responses((status = 201), (status = 404), (status = 409)))]
pub(crate) async fn note(
    State(api): State<Api>,
    Path(case): Path<CaseId>,
    fields: HeaderMap,
    Json(asked): Json<NewLink>,
) -> Result<Response, Problem> {
    let by = officer(&api.plane, &asked.by)?;
    let ((), kept) = changed_case(&api.plane, case, Wanted::of(&fields)?, |case, now| {
        let what = (asked.host.clone(), asked.marks.clone(), asked.voice);
        Ok(case.note_link(what, asked.reason.clone(), by.clone(), now)?)
    })
    .await?;
    Ok(answered(StatusCode::CREATED, &kept, json!({"host": asked.host})))
}

/// Confirms a link: a case of its own is opened about the linked site, where it is a customer's here. Elsewhere nothing can
/// be done about it, and the note stays a note.
#[utoipa::path(post, path = "/api/v1/cases/{case}/links/confirmed", tag = "cases", params(("case" = String, Path)),
    request_body = Confirming,
    responses((status = 201, description = "`opened` is the linked site's own case"), (status = 404), (status = 409)))]
pub(crate) async fn confirm(
    State(api): State<Api>,
    Path(case): Path<CaseId>,
    fields: HeaderMap,
    Json(asked): Json<Confirming>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let by = officer(plane, &asked.by)?;
    let fleet = plane.fleet().await?;
    let site = fleet.sites.iter().find(|site| site.hosts.contains(&asked.host));
    let account = site.map(|site| site.account).ok_or_else(|| {
        let why = format!("{} is no host of a site here: it lies outside our network", asked.host);
        Problem::new(Reason::ScopeUnknown).detail(why)
    })?;
    let id = CaseId::random(&*plane.random);
    // The new case is there before the link names it: an empty case that nothing names harms nobody.
    let opened = one_case(plane, case).await?.value.confirm_link(
        &asked.host,
        (id, account),
        by.clone(),
        plane.clock.now(),
    );
    plane.records.put_case(&opened?, 0).await?;
    let (_, kept) = changed_case(plane, case, Wanted::of(&fields)?, |case, now| {
        Ok(case.confirm_link(&asked.host, (id, account), by.clone(), now)?)
    })
    .await?;
    Ok(answered(StatusCode::CREATED, &kept, json!({"host": asked.host, "opened": id})))
}
