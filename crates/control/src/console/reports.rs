//! The page of the queue of reports.

use super::page;
use crate::api::{Api, reports::queue};
use crate::pages::console::Notice;
use crate::pages::reports::{AllegationRow, ReportsPage};
use crate::rim::Problem;
use crate::rim::extract::Query;
use crate::rim::page::PageQuery;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

pub(super) async fn show(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
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
    let queue = queue(plane, query.page()?).await?;
    let shown = ReportsPage {
        now: plane.clock.now(),
        public_url: plane.public_url.to_string(),
        first: query.after.is_none(),
        lines: queue.items.into_iter().map(row).collect(),
        next: queue.next,
    };
    Ok(page(StatusCode::OK, shown.page()))
}
