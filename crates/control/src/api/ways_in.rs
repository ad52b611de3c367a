//! How one site's visitors come in.

use super::Api;
use super::defence::named;
use super::site_defence::basis;
use super::sites::Applied;
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::principal::Principal;
use crate::rim::{Problem, Reason};
use crate::sites::{self, ApplyRefusal, Terms, WaysInVersion};
use crate::sites_toml;
use axum::Extension;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use snapshot::{Front, Site};
use std::path::PathBuf;
use vocabulary::SiteId;

/// The ways into one site.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct WaysInView {
    /// The site's id.
    #[schema(value_type = String)]
    site: SiteId,
    /// The settings, as edges get them.
    #[schema(value_type = Object)]
    settings: Front,
    /// The host that origins are asked for; absent: the visitor's.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin_host: Option<String>,
    /// All of it as the text that is put back.
    text: String,
    /// Which settings these are; sent along when they are replaced.
    version: String,
}

/// New ways into one site.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaysInBody {
    /// `redirect_https`, `hsts`, `tls_min`, `client_certificates`, `maintenance`, `bypass`, `trace` and `origin_host` as in
    /// a sites file, as a whole text; what is left out has its default. `ca` is the path of a file or the certificates
    /// themselves.
    text: String,
    /// The version that the settings had when they were read: others' changes since are not overwritten.
    version: String,
    /// The folder that relative paths start from.
    base: Option<String>,
    /// Only say what would change.
    #[serde(default)]
    dry_run: bool,
    /// The customer's request in its own words, where a service is lowered. It is logged.
    customer_request: Option<String>,
}

/// Shows how one site's visitors come in: HTTPS, TLS, their certificates, maintenance, bypass, traces.
#[utoipa::path(get, path = "/api/v1/sites/{site}/ways-in", tag = "sites",
    params(("site" = String, Path, description = "The site's id or one of its hosts")),
    responses((status = 200, body = WaysInView), (status = 404, description = "There is no such site")))]
pub(crate) async fn ways_in_of(
    State(api): State<Api>,
    Path(site): Path<String>,
) -> Result<axum::Json<WaysInView>, Problem> {
    let site = named(&api.plane, &site).await?;
    let (text, version) = (sites::ways_in_text(&site), WaysInVersion::of(&site).to_string());
    let Site { id, front, origin_policy, .. } = site;
    Ok(axum::Json(WaysInView { site: id, settings: front, origin_host: origin_policy.host, text, version }))
}

/// Replaces them.
#[utoipa::path(put, path = "/api/v1/sites/{site}/ways-in", tag = "sites",
    params(("site" = String, Path, description = "The site's id or one of its hosts")), request_body = WaysInBody,
    responses((status = 200, body = Applied), (status = 409, description = "A service would be lowered, or \
        others have changed the settings since they were read"),
        (status = 422, description = "The text has mistakes, each with its line and character, or the authorities of \
            visitors' certificates cannot be used")))]
pub(crate) async fn set_ways_in(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(site): Path<String>,
    Json(body): Json<WaysInBody>,
) -> Result<axum::Json<Applied>, Problem> {
    let site = named(&api.plane, &site).await?;
    let base = PathBuf::from(body.base.unwrap_or_else(|| "/".to_owned()));
    let wanted = sites_toml::parse_ways_in(&body.text, &base).map_err(ApplyRefusal::Text)?;
    let mistaken = |error| Problem::new(Reason::Malformed).detail(format!("version: {error}"));
    let shown: WaysInVersion = body.version.parse().map_err(mistaken)?;
    let basis = basis(body.customer_request)?;
    let terms = Terms { dry_run: body.dry_run, basis: basis.as_ref(), actor: principal.actor() };
    let applied = sites::set_ways_in(&api.plane, site.id, &terms, (shown, &wanted)).await?;
    Ok(axum::Json(Applied::of(applied, body.dry_run)))
}
