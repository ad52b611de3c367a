//! Decisions as files for the Commission's transparency database: at most a hundred in each.

use super::dsa::{STATEMENTS_MAX, StatementOfReasons, Submission};
use super::revalidated;
use super::statements::public;
use crate::plane::Plane;
use crate::rim::extract::Query;
use crate::rim::page::{PageOf, PageQuery};
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use casework::{Case, Decision, PostedAt};
use std::sync::Arc;
use vocabulary::Timestamp;

/// The newest decisions, or those after a place; where there are more, `Link` says where (RFC 8288).
pub(super) async fn dsa(
    State(plane): State<Arc<Plane>>,
    Query(query): Query<PageQuery>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let limit = query.limit.unwrap_or(STATEMENTS_MAX).min(STATEMENTS_MAX);
    let page = PageQuery { limit: Some(limit), after: query.after }.page()?;
    let listing = plane.records.list_decisions(&public(), page).await?;
    let mut statements = Vec::with_capacity(listing.items.len());
    for held in &listing.items {
        statements.extend(reasons(&plane, &held.value).await?);
    }
    let next = PageOf::of(listing, |_| ()).next;
    let body = serde_json::to_vec(&Submission { statements });
    let body = body.map_err(|error| Problem::new(Reason::Broken).detail(error))?;
    let mut response = revalidated(&fields, "application/json", body);
    let link =
        next.map(|next| HeaderValue::try_from(format!("</record/dsa.json?after={next}>; rel=\"next\"")));
    if let Some(Ok(link)) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// The statement of reasons of one decision; none where it restricts nothing.
pub(super) async fn reasons(
    plane: &Plane,
    decision: &Decision,
) -> Result<Option<StatementOfReasons>, Problem> {
    if super::standing(decision, plane.clock.now()).is_none() {
        return Ok(None);
    }
    let case = plane.records.case(decision.case).await?;
    let appeared = case.and_then(|case| appeared(&case.value)).unwrap_or(decision.terms.not_before);
    let url = plane.public_url.to_string();
    Ok(StatementOfReasons::of(&decision.terms, &decision.statement, appeared, &url))
}

/// When the first of what was found appeared, or was seen at the latest.
fn appeared(case: &Case) -> Option<Timestamp> {
    let posted = case.findings.iter().map(|finding| match finding.posted_at {
        PostedAt::Instant(at) | PostedAt::Interval { from: at, .. } => at,
        PostedAt::Unknown => finding.captured_at,
    });
    posted.min()
}
