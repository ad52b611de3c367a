//! What a measure on all of one site would hit: for whoever thinks of proposing one.

use super::page;
use crate::api::{Api, scope_preview};
use crate::pages::console::Notice;
use crate::pages::reach::ReachPage;
use crate::purges;
use crate::rim::Problem;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::collections::BTreeSet;

/// `GET /sites/{site}/reach`; the site by its id or one of its hosts.
pub(super) async fn show(
    State(api): State<Api>,
    Path(site): Path<String>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let Some(principal) = api.door.identify(&fields).await? else {
        return Ok(page(StatusCode::UNAUTHORIZED, Notice::sign_in().page()));
    };
    let fleet = api.plane.fleet().await?;
    let Some(site) = purges::site_named(&fleet.sites, &site) else {
        return Ok(page(StatusCode::NOT_FOUND, Notice::missing().page()));
    };
    let scope = [(site.id, site.hosts.clone())].into();
    let shown = ReachPage {
        csrf: principal.csrf().unwrap_or_default().to_owned(),
        public_url: api.plane.public_url.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: site.hosts.first().map(ToString::to_string).unwrap_or_default(),
        preview: casework::preview(&scope, BTreeSet::new(), &scope_preview::served(&fleet)),
    };
    Ok(page(StatusCode::OK, shown.page()))
}
