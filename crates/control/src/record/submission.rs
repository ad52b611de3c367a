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
use casework::Decision;
use std::sync::Arc;

/// The newest decisions, or those after a place; where there are more, `Link` says where (RFC 8288).
pub(super) async fn dsa(
    State(plane): State<Arc<Plane>>,
    Query(query): Query<PageQuery>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let limit = query.limit.unwrap_or(STATEMENTS_MAX).min(STATEMENTS_MAX);
    let page = PageQuery { limit: Some(limit), after: query.after }.page()?;
    let _turn = plane.turns.take().await?;
    let listing = plane.records.list_decisions(&public(), page).await?;
    let statements = listing.items.iter().filter_map(|held| reasons(&plane, &held.value)).collect();
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
pub(super) fn reasons(plane: &Plane, decision: &Decision) -> Option<StatementOfReasons> {
    super::standing(decision, plane.clock.now())?;
    StatementOfReasons::of(&decision.terms, &decision.statement, &plane.public_url.to_string())
}
