//! Purges of cached copies.

use super::Api;
use crate::purges::{self, Held, OrderRefusal, Purged, Spreading, Subject, Whose, Wish};
use crate::rim::body::Json;
use crate::rim::extract::{Path, Query};
use crate::rim::page::{PageOf, PageQuery};
use crate::rim::principal::Principal;
use crate::rim::{Problem, Reason};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use records::{Cursor, KeptPurge, Page};
use serde::{Deserialize, Serialize};
use vocabulary::{SiteId, Timestamp};

/// What to purge: exactly one of `url`, `tag`, `prefix`, `host` and `everything`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurgeBody {
    /// Whose copies: a host of the site, or its id; one or several. Only a `url` needs none.
    #[serde(default)]
    site: SiteNames,
    /// Every site; with `tag` or `everything`, and only with `confirmed`.
    #[serde(default)]
    all_sites: bool,
    /// That every site is meant.
    #[serde(default)]
    confirmed: bool,
    /// One address, with every variant and under both schemes.
    url: Option<String>,
    /// Everything the origin gave this tag (`Cache-Tag`, `Surrogate-Key`).
    tag: Option<String>,
    /// What begins so: `HOST/PATH`, or `/PATH` on every host of the site.
    prefix: Option<String>,
    /// Everything of one host.
    host: Option<String>,
    /// Everything of the site.
    #[serde(default)]
    everything: bool,
    /// Keep the copies as stale ones: each is revalidated before or while it is next used.
    #[serde(default)]
    soft: bool,
}

/// One name or several.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub(crate) enum SiteNames {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Default for SiteNames {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

/// A purge that was kept, and where it holds.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PurgeAnswer {
    /// The revision that holds it; edges name it in their receipts. Ask for it at `/api/v1/purges/{revision}`.
    revision: u64,
    /// How many purges it came to: one for each site, host or prefix.
    purges: usize,
    /// Edges that hold it.
    held: Vec<HeldView>,
    /// Edges that report and do not hold it yet.
    missing: Vec<String>,
}

/// An edge that serves nothing a purge names any more.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct HeldView {
    /// The edge.
    edge: String,
    /// Since when; `null` when that was not noted: before the control plane's start, or long ago.
    #[schema(value_type = Option<String>)]
    at: Option<Timestamp>,
}

/// One purge.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PurgeView {
    /// Its revision.
    revision: u64,
    /// The site's id.
    #[schema(value_type = String)]
    site: SiteId,
    /// What kind of target: `url`, `tag`, `prefix`, `host`, `everything`.
    kind: &'static str,
    /// The target, in the form that purges it again; empty with `everything`.
    target: String,
    /// Whether copies stay as stale ones.
    soft: bool,
    /// When it was asked for.
    #[schema(value_type = String)]
    at: Timestamp,
    /// By whom.
    actor: String,
    /// Edges that hold it.
    held: Vec<HeldView>,
    /// Edges that report and do not hold it yet.
    missing: Vec<String>,
}

/// Which purges to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PurgesQuery {
    /// Those of one site: a host or its id.
    site: Option<String>,
    /// Items wanted, 1 to 200; 50 when left out.
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Purges copies everywhere. The answer comes when every edge holds it, or after 2 s with what is missing.
#[utoipa::path(post, path = "/api/v1/purges", tag = "cache", request_body = PurgeBody,
    responses((status = 200, body = PurgeAnswer, description = "Every edge that reports holds it"),
        (status = 202, body = PurgeAnswer, description = "Kept; some edge does not hold it yet, or none reports"),
        (status = 409, description = "All sites are meant, and nobody confirmed it"),
        (status = 422, description = "The site is missing or unknown, or the target is none")))]
pub(crate) async fn purge(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Json(body): Json<PurgeBody>,
) -> Result<(StatusCode, axum::Json<PurgeAnswer>), Problem> {
    let wish = read(body)?;
    let (count, purged) = place(&api, &principal, &wish).await?;
    let status = if purged.spreading.is_complete() { StatusCode::OK } else { StatusCode::ACCEPTED };
    let (held, missing) = shown(purged.spreading);
    Ok((status, axum::Json(PurgeAnswer { revision: purged.revision, purges: count, held, missing })))
}

/// Does what the API and the console's form have in common. Every principal is the operator's own, so each
/// may act on every site.
pub(crate) async fn place(api: &Api, principal: &Principal, wish: &Wish) -> Result<(usize, Purged), Problem> {
    let orders = match api.plane.publisher.current() {
        Some(parcel) => purges::orders(wish, &parcel.sites),
        None => Err(OrderRefusal::SiteMissing),
    };
    let orders = match orders {
        Ok(orders) => orders,
        // What edges were sent may be older than what is recorded.
        Err(_) => purges::orders(wish, &api.plane.fleet().await?.sites)?,
    };
    let purged = purges::place(&api.plane, &orders, principal.actor()).await?;
    Ok((orders.len(), purged))
}

fn read(body: PurgeBody) -> Result<Wish, Problem> {
    let PurgeBody { site, all_sites, confirmed, url, tag, prefix, host, everything, soft } = body;
    let said = [
        url.map(Subject::Url),
        tag.map(Subject::Tag),
        prefix.map(Subject::Prefix),
        host.map(Subject::Host),
        everything.then_some(Subject::Everything),
    ];
    let mut said = said.into_iter().flatten();
    let (Some(subject), None) = (said.next(), said.next()) else {
        let why = "give exactly one of url, tag, prefix, host, everything";
        return Err(Problem::new(Reason::Malformed).detail(why));
    };
    let names = match site {
        SiteNames::One(name) => vec![name],
        SiteNames::Several(names) => names,
    };
    let whose = match (all_sites, names.is_empty()) {
        (true, false) => {
            return Err(Problem::new(Reason::Malformed).detail("give site or all_sites, not both"));
        }
        (true, true) if !confirmed => return Err(Problem::new(Reason::AllSitesUnconfirmed)),
        (true, true) => Whose::All,
        (false, _) => Whose::Named(names),
    };
    Ok(Wish { subject, whose, soft })
}

/// Lists the latest purges, newest first.
#[utoipa::path(get, path = "/api/v1/purges", tag = "cache", params(PurgesQuery),
    responses((status = 200, body = PageOf<PurgeView>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Query(query): Query<PurgesQuery>,
) -> Result<axum::Json<PageOf<PurgeView>>, Problem> {
    let site = match &query.site {
        Some(name) => {
            let fleet = api.plane.fleet().await?;
            let site = purges::site_named(&fleet.sites, name);
            Some(site.ok_or_else(|| OrderRefusal::SiteUnknown(name.clone()))?.id)
        }
        None => None,
    };
    let page = PageQuery { limit: query.limit, after: query.after }.page()?;
    let listing = api.plane.records.list_purges(site, page).await?;
    Ok(axum::Json(PageOf::of(listing, |kept| view(&api, kept))))
}

/// Shows one purge and where it holds.
#[utoipa::path(get, path = "/api/v1/purges/{revision}", tag = "cache",
    params(("revision" = u64, Path, description = "The purge's revision")),
    responses((status = 200, body = PurgeView), (status = 404, description = "Not given yet, or forgotten")))]
pub(crate) async fn one(
    State(api): State<Api>,
    Path(revision): Path<u64>,
) -> Result<axum::Json<PurgeView>, Problem> {
    let page = Page { after: Some(Cursor(revision.saturating_add(1))), limit: 1 };
    let listing = api.plane.records.list_purges(None, page).await?;
    let kept = listing.items.into_iter().find(|kept| kept.purge.revision == revision);
    let missing = || Problem::new(Reason::NotFound).detail(format!("there is no purge {revision}"));
    Ok(axum::Json(view(&api, kept.ok_or_else(missing)?)))
}

fn view(api: &Api, kept: KeptPurge) -> PurgeView {
    let KeptPurge { purge, note } = kept;
    let (kind, target) = purges::shown(&purge.target);
    let (held, missing) = shown(api.plane.purging.spreading(purge.revision));
    PurgeView {
        revision: purge.revision,
        site: purge.site,
        kind,
        target,
        soft: purge.soft,
        at: note.at,
        actor: note.actor,
        held,
        missing,
    }
}

fn shown(spreading: Spreading) -> (Vec<HeldView>, Vec<String>) {
    let held = spreading.held.into_iter().map(|Held { edge, at }| HeldView { edge, at });
    (held.collect(), spreading.missing)
}

impl From<OrderRefusal> for Problem {
    fn from(refusal: OrderRefusal) -> Self {
        let reason = match &refusal {
            OrderRefusal::SiteMissing => Reason::SiteMissing,
            OrderRefusal::SiteUnknown(_) => Reason::SiteUnknown,
            OrderRefusal::OutsideSite { .. } => Reason::OutsideSite,
            OrderRefusal::Malformed(_) | OrderRefusal::NotForAll | OrderRefusal::TooMany(_) => {
                Reason::PurgeMistaken
            }
        };
        Self::new(reason).detail(refusal)
    }
}
