//! The front page, and each decision as page, bundle and proof.

use super::view::{listed, statement};
use super::{frame, not_found, page, revalidated, submission};
use crate::bundles::BundleError;
use crate::pages::record::{Edition, Front, SetAside};
use crate::plane::Plane;
use crate::rim::extract::{Path, Query};
use crate::rim::page::{PageOf, PageQuery};
use crate::rim::{Problem, Reason};
use crate::suspension::LoggedSuspension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use records::DecisionFilter;
use std::sync::Arc;
use vocabulary::DecisionId;

/// States that the public sees.
const PUBLIC: [&str; 6] = ["logged", "published", "in-force", "lapsed", "ended", "final"];

/// Decisions that the public sees.
pub(super) fn public() -> DecisionFilter {
    DecisionFilter { states: PUBLIC.map(str::to_owned).to_vec(), case: None }
}

/// The newest decisions.
pub(super) async fn front(
    State(plane): State<Arc<Plane>>,
    Query(query): Query<PageQuery>,
    edition: Edition,
) -> Result<Response, Problem> {
    listing(&plane, &query, edition).await
}

/// Those before them: an address without a query, so that a copy made of files has the same.
pub(super) async fn older(
    State(plane): State<Arc<Plane>>,
    Path(after): Path<String>,
    edition: Edition,
) -> Result<Response, Problem> {
    listing(&plane, &PageQuery { limit: None, after: Some(after) }, edition).await
}

async fn listing(plane: &Plane, query: &PageQuery, edition: Edition) -> Result<Response, Problem> {
    let listing = plane.records.list_decisions(&public(), query.page()?).await?;
    let frame = frame(plane, edition.clone());
    let now = frame.now;
    let clockwork = plane.reports.clockwork(plane, now).await?.unwrap_or_default();
    let listing = PageOf::of(listing, |held| listed(&held.value, now));
    let older = listing.next.map(|next| format!("older/{next}"));
    let all = listing.items.into_iter().flatten();
    let (over, running) = all.partition(|line| line.standing.is_over());
    let log = super::log_view(plane);
    let acting = plane.suspensions_at(now).await;
    let acting = acting.map_err(|error| Problem::new(Reason::Broken).detail(error))?;
    let aside = |acts: &LoggedSuspension| SetAside {
        since: acts.from(),
        until: acts.until(),
        entry: acts.placed.index,
    };
    let suspended = acting.iter().map(aside).collect();
    let mechanism = plane.mechanism.told();
    let front = Front { frame, clockwork, mechanism, suspended, running, over, older, log };
    Ok(page(StatusCode::OK, &edition, front.page()))
}

/// `ID` is the page, `ID.json` the bundle with all proofs, `ID.tlog-proof` the proof of its entry, `ID.dsa.json` the
/// statement of reasons for the Commission's database.
pub(super) async fn decision(
    State(plane): State<Arc<Plane>>,
    Path(name): Path<String>,
    edition: Edition,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let (id, form) = match name.split_once('.') {
        Some((id, form)) => (id, Some(form)),
        None => (name.as_str(), None),
    };
    let Ok(id) = id.parse::<DecisionId>() else { return Ok(not_found(&plane, edition)) };
    let Some(held) = plane.docket.get(id).await? else { return Ok(not_found(&plane, edition)) };
    let decision = &held.value;
    match form {
        None => Ok(match statement(&plane, decision, edition.clone()).await? {
            Some(statement) => page(StatusCode::OK, &edition, statement.page()),
            None => not_found(&plane, edition),
        }),
        Some("json") => match plane.bundle(decision).await {
            Ok(bundle) => Ok(revalidated(&fields, "application/json", bundle.bytes.to_vec())),
            Err(BundleError::NotYet) => Ok(not_found(&plane, edition)),
            Err(BundleError::Store(error)) => Err(error.into()),
            Err(error) => Err(Problem::new(Reason::Broken).detail(error)),
        },
        Some("tlog-proof") => Ok(match plane.proof(decision) {
            Some(proof) => revalidated(&fields, "text/plain; charset=utf-8", proof.into_bytes()),
            None => not_found(&plane, edition),
        }),
        Some("dsa.json") => match submission::reasons(&plane, decision) {
            Some(reasons) => {
                let body = serde_json::to_vec(&reasons);
                let body = body.map_err(|error| Problem::new(Reason::Broken).detail(error))?;
                Ok(revalidated(&fields, "application/json", body))
            }
            None => Ok(not_found(&plane, edition)),
        },
        Some(_) => Ok(not_found(&plane, edition)),
    }
}
