//! Fetching pages into the cache before visitors ask for them.

use super::Api;
use super::explain::edge;
use crate::rim::body::Json;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Pages to warm.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrewarmBody {
    /// The host that all of them belong to.
    site: String,
    /// Whole addresses; at most 100.
    urls: Vec<String>,
}

/// A sitemap to read.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SitemapBody {
    /// The host that it belongs to.
    site: String,
    /// The sitemap, or an index of several.
    url: String,
}

/// What became of each page.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Warmed {
    /// In the order given: `url`, `status`, `stored`, `cache`, `bytes`, `error`.
    #[schema(value_type = Vec<Object>)]
    results: Vec<Value>,
}

/// A sitemap's addresses.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Addresses {
    /// Those of the host.
    urls: Vec<String>,
    /// How many belonged to other hosts and were left out.
    foreign: usize,
}

/// Fetches pages by way of the edge, as visitors would, and stores what may be stored.
#[utoipa::path(post, path = "/api/v1/prewarm", tag = "cache", request_body = PrewarmBody,
    responses((status = 200, body = Warmed), (status = 400, description = "Too many, or of another host"),
        (status = 503, description = "No edge runs here, or it is busy")))]
pub(crate) async fn warm(
    State(api): State<Api>,
    Json(body): Json<PrewarmBody>,
) -> Result<axum::Json<Warmed>, Problem> {
    if let Some(foreign) = body.urls.iter().find(|url| !is_of(url, &body.site)) {
        let detail = format!("{foreign} is no address of {}; write it whole, with its scheme", body.site);
        return Err(Problem::new(Reason::Malformed).detail(detail));
    }
    let results = edge(&api)?.prewarm(body.urls).await?;
    Ok(axum::Json(Warmed { results }))
}

/// Reads a sitemap by way of the edge; nothing of it is warmed yet.
#[utoipa::path(post, path = "/api/v1/prewarm/sitemap", tag = "cache", request_body = SitemapBody,
    responses((status = 200, body = Addresses), (status = 400, description = "No sitemap, or of another host"),
        (status = 503, description = "No edge runs here, or it is busy")))]
pub(crate) async fn sitemap(
    State(api): State<Api>,
    Json(body): Json<SitemapBody>,
) -> Result<axum::Json<Addresses>, Problem> {
    if !is_of(&body.url, &body.site) {
        let detail = format!("{} is no address of {}; write it whole, with its scheme", body.url, body.site);
        return Err(Problem::new(Reason::Malformed).detail(detail));
    }
    let found = edge(&api)?.sitemap(body.url).await?;
    let all = found.len();
    let urls: Vec<_> = found.into_iter().filter(|url| is_of(url, &body.site)).collect();
    Ok(axum::Json(Addresses { foreign: all - urls.len(), urls }))
}

fn is_of(url: &str, site: &str) -> bool {
    let uri = url.parse::<Uri>().ok().filter(|uri| uri.scheme().is_some());
    uri.is_some_and(|uri| uri.host().is_some_and(|host| host.eq_ignore_ascii_case(site)))
}
