//! The defence of all sites: the operator's book, events, signatures.

use super::Api;
use crate::defence::{self, BookRefusal, CAP, EventsWanted, FeedState, Order};
use crate::plane::Plane;
use crate::purges::site_named;
use crate::rim::body::Json;
use crate::rim::extract::{Path, Query};
use crate::rim::principal::Principal;
use crate::rim::{Problem, Reason};
use crate::sites_toml;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use shield::events::{ActiveSignature, EventKind, EventRecord};
use shield::lists::ListKind;
use snapshot::{
    Acting, Effect, Entry, Feed, ListSource, OperatorList, OperatorShield, Site, SiteShield, Subject,
    UnderAttackSwitch,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vocabulary::{SiteId, Timestamp};

/// Most events of one answer.
const EVENTS_MAX: usize = 1_000;
/// Where nothing is said.
const EVENTS_USUAL: usize = 100;

/// What the operator has set.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BookView {
    /// Bans and allowances that have not ended.
    #[schema(value_type = Vec<Object>)]
    entries: Vec<Entry>,
    /// Sites whose every visitor is challenged by the operator.
    #[schema(value_type = Vec<Object>)]
    under_attack: Vec<UnderAttackSwitch>,
    /// Lists by name.
    #[schema(value_type = Object)]
    lists: BTreeMap<String, OperatorList>,
    /// The feeds of all lists, those of sites among them.
    feeds: Vec<FeedState>,
    /// What was spent of the 3 hours in 24 by which the operator may lower a site's service; only sites that
    /// spent some.
    spent: Vec<SpentView>,
}

/// What one site has spent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SpentView {
    /// Which site.
    #[schema(value_type = String)]
    site: SiteId,
    /// Seconds spent in the last 24 hours, what runs counted to its end.
    spent_seconds: u64,
    /// Seconds left.
    left_seconds: u64,
}

/// A ban or an allowance.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryBody {
    /// `ban` or `allow`.
    #[schema(value_type = String)]
    effect: Effect,
    /// An address, a network, or an autonomous system such as `AS64500`.
    subject: String,
    /// A site's id or one of its hosts; none: at every site.
    site: Option<String>,
    /// After how many seconds it ends.
    seconds: u64,
    /// Why, for those who ask later.
    reason: String,
}

/// A list of the operator: items or a feed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListBody {
    /// `address`, `asn`, `country` or `host`.
    #[schema(value_type = String)]
    kind: ListKind,
    /// The items.
    items: Option<Vec<String>>,
    /// An address of the web, or the absolute path of a file on this machine.
    feed: Option<String>,
    /// Seconds between two readings of the feed.
    refresh_seconds: Option<u32>,
    /// What it does by itself at every site; none: only rules use it.
    #[schema(value_type = Option<String>)]
    effect: Option<Effect>,
    /// After how many seconds that ends.
    effect_seconds: Option<u64>,
}

/// Which events.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventsQuery {
    /// A site's id or one of its hosts.
    site: Option<String>,
    /// `blocked`, `challenged`, `limited`, `allowed`, `logged`, `closed`, `passed`, `signature`, `under-attack` or
    /// `rule-disabled`.
    kind: Option<String>,
    /// Those of the last so many seconds.
    seconds: Option<u64>,
    /// At most so many; 100 where nothing is said, 1,000 at most.
    limit: Option<usize>,
}

/// A signature to be undone.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UndoBody {
    /// The site's id.
    #[schema(value_type = String)]
    site: SiteId,
    /// The signature's id.
    signature: String,
}

/// Shows what the operator has set: bans, allowances, switches, lists and their feeds, and what was spent of the cap.
#[utoipa::path(get, path = "/api/v1/shield", tag = "shield", responses((status = 200, body = BookView)))]
pub(crate) async fn book(State(api): State<Api>) -> Result<axum::Json<BookView>, Problem> {
    let mut book = defence::book(&*api.plane.records).await?.value;
    let now = api.plane.clock.now();
    book.prune(now);
    let sites: BTreeSet<SiteId> = book.lowered().filter_map(|lowering| lowering.site).collect();
    let spent = sites.into_iter().map(|site| {
        let spent = book.spent(site, now);
        let left_seconds = CAP.saturating_sub(spent).as_secs();
        SpentView { site, spent_seconds: spent.as_secs(), left_seconds }
    });
    let spent = spent.collect();
    let OperatorShield { entries, under_attack, lists } = book.shield;
    Ok(axum::Json(BookView { entries, under_attack, lists, feeds: api.plane.feeds.states(), spent }))
}

/// Bans or allows a source of traffic until an end.
#[utoipa::path(post, path = "/api/v1/shield/entries", tag = "shield", request_body = EntryBody,
    responses((status = 201, body = Object, description = "The entry, with its number"),
        (status = 409, description = "Ordinary visitors would be kept out for longer than 3 hours in 24"),
        (status = 422, description = "The entry cannot be used")))]
pub(crate) async fn enter(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Json(body): Json<EntryBody>,
) -> Result<impl IntoResponse, Problem> {
    let site = match &body.site {
        Some(name) => Some(named(&api.plane, name).await?.id),
        None => None,
    };
    let order = Order {
        effect: body.effect,
        subject: subject(&body.subject)?,
        site,
        lasts: Duration::from_secs(body.seconds),
        reason: body.reason,
        by: principal.actor().to_owned(),
    };
    let now = api.plane.clock.now();
    let entry = defence::change(&api.plane, |book| book.enter(order.clone(), now)).await?;
    Ok((StatusCode::CREATED, axum::Json(entry)))
}

/// Ends a ban or an allowance before its time.
#[utoipa::path(delete, path = "/api/v1/shield/entries/{number}", tag = "shield",
    params(("number" = u64, Path, description = "The entry's number")),
    responses((status = 200, body = Object, description = "The entry as it was"), (status = 404, description = "It has ended already")))]
pub(crate) async fn end(
    State(api): State<Api>,
    Path(number): Path<u64>,
) -> Result<axum::Json<Entry>, Problem> {
    let now = api.plane.clock.now();
    Ok(axum::Json(defence::change(&api.plane, |book| book.end(number, now)).await?))
}

/// Puts a list that rules of every site may name, or replaces it.
#[utoipa::path(put, path = "/api/v1/shield/lists/{name}", tag = "shield",
    params(("name" = String, Path, description = "Up to 50 of a-z, 0-9 and _")), request_body = ListBody,
    responses((status = 200, body = Object, description = "The list"), (status = 422, description = "It cannot be used")))]
pub(crate) async fn put_list(
    State(api): State<Api>,
    Path(name): Path<String>,
    Json(body): Json<ListBody>,
) -> Result<axum::Json<OperatorList>, Problem> {
    let now = api.plane.clock.now();
    let list = list(body, now)?;
    if let ListSource::Feed(Feed { address, .. }) = &list.source {
        let looked = defence::check_feed_place(address, &api.plane.founded.files).await;
        looked.map_err(|why| Problem::new(Reason::DefenceMistaken).detail(why))?;
    }
    let sites = api.plane.records.fleet().await?.sites;
    let put = |book: &mut defence::Book| {
        book.put_list(&name, list.clone(), now)?;
        still_compile(&sites, &book.shield)
    };
    defence::change(&api.plane, put).await?;
    Ok(axum::Json(list))
}

/// Removes a list that no rule names.
#[utoipa::path(delete, path = "/api/v1/shield/lists/{name}", tag = "shield",
    params(("name" = String, Path, description = "The list's name")),
    responses((status = 204, description = "It is gone"), (status = 404, description = "There is none of this name"),
        (status = 409, description = "Rules of a site name it")))]
pub(crate) async fn remove_list(
    State(api): State<Api>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let now = api.plane.clock.now();
    let sites = api.plane.records.fleet().await?.sites;
    let remove = |book: &mut defence::Book| {
        book.remove_list(&name, now)?;
        still_compile(&sites, &book.shield)
    };
    defence::change(&api.plane, remove).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows what the defence did, the newest first.
#[utoipa::path(get, path = "/api/v1/shield/events", tag = "shield", params(EventsQuery),
    responses((status = 200, body = Vec<Object>), (status = 503, description = "No edge runs here")))]
pub(crate) async fn events(
    State(api): State<Api>,
    Query(query): Query<EventsQuery>,
) -> Result<axum::Json<Vec<EventRecord>>, Problem> {
    let site = match &query.site {
        Some(name) => Some(named(&api.plane, name).await?.id),
        None => None,
    };
    let kind = match query.kind.as_deref() {
        Some(name) => Some(EventKind::named(name).ok_or_else(|| {
            let known = EventKind::ALL.map(EventKind::name).join(", ");
            Problem::new(Reason::Malformed).detail(format!("kind is one of {known}"))
        })?),
        None => None,
    };
    let since = query.seconds.map(|seconds| api.plane.clock.now().minus(Duration::from_secs(seconds)));
    let limit = query.limit.unwrap_or(EVENTS_USUAL).min(EVENTS_MAX);
    let edge = api.plane.telemetry.defence().ok_or_else(|| Problem::new(Reason::EdgeAway))?;
    Ok(axum::Json(edge.events(&EventsWanted { site, kind, since, limit })))
}

/// Shows the signatures that are acted upon now, with their evidence.
#[utoipa::path(get, path = "/api/v1/shield/signatures", tag = "shield",
    responses((status = 200, body = Vec<Object>), (status = 503, description = "No edge runs here")))]
pub(crate) async fn signatures(State(api): State<Api>) -> Result<axum::Json<Vec<ActiveSignature>>, Problem> {
    let edge = api.plane.telemetry.defence().ok_or_else(|| Problem::new(Reason::EdgeAway))?;
    Ok(axum::Json(edge.signatures()))
}

/// Stops acting upon a signature, and leaves it alone for ten minutes.
#[utoipa::path(post, path = "/api/v1/shield/signatures/undo", tag = "shield", request_body = UndoBody,
    responses((status = 204, description = "It is undone"), (status = 404, description = "It is not acted upon"),
        (status = 503, description = "No edge runs here")))]
pub(crate) async fn undo(State(api): State<Api>, Json(body): Json<UndoBody>) -> Result<StatusCode, Problem> {
    let edge = api.plane.telemetry.defence().ok_or_else(|| Problem::new(Reason::EdgeAway))?;
    match edge.undo(body.site, &body.signature) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::new(Reason::NotFound).detail("no such signature is acted upon at that site")),
    }
}

/// The site of an id or a host.
pub(crate) async fn named(plane: &Plane, name: &str) -> Result<Site, Problem> {
    let fleet = plane.records.fleet().await?;
    let missing = || Problem::new(Reason::NotFound).detail("there is no such site");
    site_named(&fleet.sites, name).cloned().ok_or_else(missing)
}

fn subject(text: &str) -> Result<Subject, Problem> {
    let number = text.strip_prefix("AS").or_else(|| text.strip_prefix("as"));
    if let Some(number) = number.and_then(|number| number.parse().ok()) {
        return Ok(Subject::Asn(number));
    }
    text.parse().map(Subject::Network).map_err(|_| {
        let detail = "subject is an address, a network such as 192.0.2.0/24, or a system such as AS64500";
        Problem::new(Reason::DefenceMistaken).detail(detail)
    })
}

fn list(body: ListBody, now: Timestamp) -> Result<OperatorList, Problem> {
    let mistaken = |detail: &str| Problem::new(Reason::DefenceMistaken).detail(detail);
    let source = match (body.items, body.feed) {
        (Some(items), None) => ListSource::Items(items),
        (None, Some(address)) => {
            let refresh_seconds = body.refresh_seconds.unwrap_or(3_600).max(300);
            let address = sites_toml::feed_address(&address, std::path::Path::new("/"));
            let address = address.ok_or_else(|| mistaken("feed is an address of the web or a file"))?;
            ListSource::Feed(Feed { address, refresh_seconds })
        }
        _ => return Err(mistaken("a list has either items or a feed")),
    };
    let acting = match (body.effect, body.effect_seconds) {
        (None, None) => None,
        (Some(effect), Some(seconds)) => {
            Some(Acting { effect, until: now.plus(Duration::from_secs(seconds)) })
        }
        _ => return Err(mistaken("effect and effect_seconds go together: what acts by itself has an end")),
    };
    Ok(OperatorList { kind: body.kind, source, acting })
}

/// Whether the rules of all sites still find their lists.
fn still_compile(sites: &[Site], shield: &OperatorShield) -> Result<(), BookRefusal> {
    for site in sites.iter().filter(|site| !site.shield.rules.is_empty()) {
        if SiteShield::check(&site.shield, site.origins.len(), shield).is_err() {
            let host = site.hosts.first().map_or_else(|| site.id.to_string(), ToString::to_string);
            return Err(BookRefusal::InUse(host));
        }
    }
    Ok(())
}
