//! The page of the queue of reports.

use super::page;
use crate::api::{Api, reports::queue};
use crate::pages::console::Notice;
use crate::pages::reports::{AllegationRow, ReportsPage};
use crate::rim::Problem;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

pub(super) async fn show(State(api): State<Api>, fields: HeaderMap) -> Result<Response, Problem> {
    if api.door.identify(&fields).await?.is_none() {
        return Ok(page(StatusCode::UNAUTHORIZED, Notice::sign_in().page()));
    }
    let plane = &api.plane;
    let row = |line: crate::api::reports::AllegationLine| AllegationRow {
        id: line.id.to_string(),
        category: line.category,
        danger: line.danger,
        sites: line.sites.len(),
        hosts: line.hosts,
        opened_at: line.opened_at,
        case: line.case.map(|case| case.to_string()),
        reports: line.volume.and_then(|volume| volume["reports"].as_u64()),
    };
    let lines = queue(plane).await?.into_iter().map(row).collect();
    let shown = ReportsPage { now: plane.clock.now(), public_url: plane.public_url.to_string(), lines };
    Ok(page(StatusCode::OK, shown.page()))
}
