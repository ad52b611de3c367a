//! Customers' error pages: taken in, and looked at before anybody else does.

use super::Api;
use crate::error_pages::{press, preview};
use crate::purges::site_named;
use crate::rim::extract::{Path, Query};
use crate::rim::{Problem, Reason, body};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use error_pages::{BYTES_MAX, PageClass};
use serde::{Deserialize, Serialize};

/// What a page is for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PressQuery {
    /// `origin`, `configuration`, `rate_limited`, `blocked_rule`, `blocked_country`, `challenge` or `maintenance`.
    #[param(value_type = String)]
    class: PageClass,
}

/// A page that is held.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct HeldPage {
    /// How a sites file names it: `sha256:` and a digest.
    page: String,
    /// Its bytes, with everything it refers to inside.
    bytes: usize,
    /// The policy it is sent with.
    policy: String,
}

/// Takes in a page, with everything that it refers to put inside. A sites file can then name it.
#[utoipa::path(post, path = "/api/v1/pages", tag = "sites", params(PressQuery),
    request_body(content = String, content_type = "text/html"),
    responses((status = 200, body = HeldPage), (status = 422, description = "The page has mistakes, or names something that cannot be fetched")))]
pub(crate) async fn take_in(
    State(api): State<Api>,
    Query(query): Query<PressQuery>,
    body: Body,
) -> Result<axum::Json<HeldPage>, Problem> {
    let bytes = body::whole(body, BYTES_MAX).await?;
    let text = String::from_utf8(bytes.to_vec());
    let text = text.map_err(|_| Problem::new(Reason::Malformed).detail("the page is not UTF-8 text"))?;
    let (digest, page) = press(&api.plane, &text, query.class, true).await?;
    let policy = page.policy().to_owned();
    Ok(axum::Json(HeldPage { page: format!("sha256:{digest}"), bytes: page.len(), policy }))
}

/// Shows a site's own page of a class as a visitor would see it, filled with examples. `site`: its id or one of
/// its hosts.
#[utoipa::path(get, path = "/api/v1/sites/{site}/pages/{class}", tag = "sites",
    params(("site" = String, Path), ("class" = String, Path)),
    responses((status = 200, body = String, content_type = "text/html"),
        (status = 404, description = "The site has no page of this class")))]
pub(crate) async fn shown(
    State(api): State<Api>,
    Path((site, class)): Path<(String, PageClass)>,
) -> Result<Response, Problem> {
    show(&api, &site, class).await
}

/// The same for whoever has been let in already.
pub(crate) async fn show(api: &Api, site: &str, class: PageClass) -> Result<Response, Problem> {
    let fleet = api.plane.fleet().await?;
    let digest = site_named(&fleet.sites, site).and_then(|site| site.pages.by_class.get(&class));
    let digest = digest.ok_or_else(|| Problem::new(Reason::NotFound))?;
    let page = api.plane.shelf.find(&*api.plane.records, digest).await?;
    let page = page.ok_or_else(|| Problem::new(Reason::NotFound))?;
    Ok(preview(&page, class))
}
