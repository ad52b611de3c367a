//! One site's defence: its settings, and the operator's switch.

use super::Api;
use super::defence::named;
use super::sites::Applied;
use crate::defence::{self, SwitchOrder};
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::principal::Principal;
use crate::rim::{Problem, Reason};
use crate::sites::{self, ApplyRefusal, Basis, Terms};
use crate::sites_toml;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use snapshot::{ShieldSettings, Site, UnderAttackSwitch};
use std::path::PathBuf;
use std::time::Duration;
use vocabulary::SiteId;

/// A switch for a site under attack.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwitchBody {
    /// After how many seconds it ends; at most what is left of 3 hours in 24.
    seconds: u64,
    /// Why, for those who ask later.
    reason: String,
}

/// One site's defence.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DefenceView {
    /// The site's id.
    #[schema(value_type = String)]
    site: SiteId,
    /// The settings, as edges get them.
    #[schema(value_type = Object)]
    settings: ShieldSettings,
    /// The same as the text that is put back.
    text: String,
}

/// New settings of one site's defence.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DefenceBody {
    /// What stands under `[account.site.shield]` of a sites file, as a whole text.
    text: String,
    /// The folder that relative paths of feeds start from.
    base: Option<String>,
    /// Only say what would change.
    #[serde(default)]
    dry_run: bool,
    /// The customer's request in its own words, where a service is lowered. It is logged.
    customer_request: Option<String>,
}

/// Has every visitor of a site challenged until an end.
#[utoipa::path(put, path = "/api/v1/sites/{site}/under-attack", tag = "shield",
    params(("site" = String, Path, description = "The site's id or one of its hosts")), request_body = SwitchBody,
    responses((status = 200, body = Object, description = "The switch"), (status = 409, description = "3 hours in 24 would be passed")))]
pub(crate) async fn switch_on(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(site): Path<String>,
    Json(body): Json<SwitchBody>,
) -> Result<axum::Json<UnderAttackSwitch>, Problem> {
    let site = named(&api.plane, &site).await?.id;
    let (lasts, by) = (Duration::from_secs(body.seconds), principal.actor().to_owned());
    let order = SwitchOrder { site, lasts, reason: body.reason, by };
    let now = api.plane.clock.now();
    Ok(axum::Json(defence::change(&api.plane, |book| book.switch_on(order.clone(), now)).await?))
}

/// Ends that before its time.
#[utoipa::path(delete, path = "/api/v1/sites/{site}/under-attack", tag = "shield",
    params(("site" = String, Path, description = "The site's id or one of its hosts")),
    responses((status = 204, description = "It is off"), (status = 409, description = "It was not on")))]
pub(crate) async fn switch_off(
    State(api): State<Api>,
    Path(site): Path<String>,
) -> Result<StatusCode, Problem> {
    let site = named(&api.plane, &site).await?.id;
    let now = api.plane.clock.now();
    defence::change(&api.plane, |book| book.switch_off(site, now)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows one site's profile, switch, challenges, rules and lists.
#[utoipa::path(get, path = "/api/v1/sites/{site}/shield", tag = "shield",
    params(("site" = String, Path, description = "The site's id or one of its hosts")),
    responses((status = 200, body = DefenceView), (status = 404, description = "There is no such site")))]
pub(crate) async fn defence_of(
    State(api): State<Api>,
    Path(site): Path<String>,
) -> Result<axum::Json<DefenceView>, Problem> {
    let Site { id, shield, .. } = named(&api.plane, &site).await?;
    Ok(axum::Json(DefenceView { site: id, text: sites::shield_text(&shield), settings: shield }))
}

/// Replaces one site's profile, switch, challenges, rules and lists.
#[utoipa::path(put, path = "/api/v1/sites/{site}/shield", tag = "shield",
    params(("site" = String, Path, description = "The site's id or one of its hosts")), request_body = DefenceBody,
    responses((status = 200, body = Applied), (status = 409, description = "A service would be lowered"),
        (status = 422, description = "The text has mistakes, each with its line and character")))]
pub(crate) async fn set_defence(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(site): Path<String>,
    Json(body): Json<DefenceBody>,
) -> Result<axum::Json<Applied>, Problem> {
    let site = named(&api.plane, &site).await?;
    let base = PathBuf::from(body.base.unwrap_or_else(|| "/".to_owned()));
    let operator = defence::book(&*api.plane.records).await?.value.shield;
    let settings = sites_toml::parse_shield(&body.text, &base, site.origins.len(), &operator)
        .map_err(ApplyRefusal::Text)?;
    let basis = basis(body.customer_request)?;
    let terms = Terms { dry_run: body.dry_run, basis: basis.as_ref(), actor: principal.actor() };
    let applied = sites::set_defence(&api.plane, site.id, &terms, |_| settings.clone()).await?;
    Ok(axum::Json(Applied::of(applied, body.dry_run)))
}

/// The customer's words, if there are any.
pub(crate) fn basis(words: Option<String>) -> Result<Option<Basis>, Problem> {
    let Some(words) = words.filter(|words| !words.trim().is_empty()) else { return Ok(None) };
    let mistaken = |error| Problem::new(Reason::Malformed).detail(format!("customer_request: {error}"));
    words.parse().map(|words| Some(Basis::CustomerRequest(words))).map_err(mistaken)
}
