//! How the cache does for one site.

use super::Api;
use super::events::event;
use crate::live::LiveEvent;
use crate::rim::extract::Path;
use crate::rim::{Problem, Reason};
use crate::telemetry::SiteFigures;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use serde::Serialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt as _};
use vocabulary::SiteId;

/// What the cache did for a site since the site is served. Counters: rates are differences of two readings.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CacheView {
    /// The site's id.
    #[schema(value_type = String)]
    site: SiteId,
    /// Requests answered.
    requests: u64,
    /// Answers from fresh copies.
    hits: u64,
    /// Answers from stale copies.
    stale: u64,
    /// Answers that needed the origin.
    misses: u64,
    /// Bytes of bodies that came from memory.
    memory_bytes: u64,
    /// Bytes that came from disk.
    disk_bytes: u64,
    /// Bytes that came from the origin.
    origin_bytes: u64,
    /// The misses by reason, the most frequent first.
    reasons: Vec<ReasonView>,
    /// The addresses missed most, the first one first.
    top_misses: Vec<MissView>,
}

/// Why answers needed the origin.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ReasonView {
    /// The stable name.
    reason: &'static str,
    /// The same in words.
    text: &'static str,
    /// How often.
    count: u64,
}

/// An address that often needed the origin.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MissView {
    /// Host, path and query.
    target: String,
    /// Why, the last time: the stable name.
    reason: &'static str,
    /// The same in words.
    text: &'static str,
    /// How often, at least.
    count: u64,
}

impl From<SiteFigures> for CacheView {
    fn from(figures: SiteFigures) -> Self {
        let mut reasons = figures.reasons;
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let reason = |(reason, count): (caching::Reason, u64)| ReasonView {
            reason: reason.name(),
            text: reason.text(),
            count,
        };
        let miss = |miss: crate::TopMiss| MissView {
            target: miss.target,
            reason: miss.reason.name(),
            text: miss.reason.text(),
            count: miss.count,
        };
        Self {
            site: figures.site,
            requests: figures.requests,
            hits: figures.hits,
            stale: figures.stale,
            misses: figures.misses,
            memory_bytes: figures.memory_bytes,
            disk_bytes: figures.disk_bytes,
            origin_bytes: figures.origin_bytes,
            reasons: reasons.into_iter().map(reason).collect(),
            top_misses: figures.top_misses.into_iter().map(miss).collect(),
        }
    }
}

/// Shows what the cache did for a site: counters, reasons, the addresses missed most.
#[utoipa::path(get, path = "/api/v1/sites/{site}/cache", tag = "cache",
    params(("site" = String, Path, description = "The site's id")),
    responses((status = 200, body = CacheView), (status = 404, description = "No edge here serves such a site")))]
pub(crate) async fn counters(
    State(api): State<Api>,
    Path(site): Path<SiteId>,
) -> Result<axum::Json<CacheView>, Problem> {
    let figures = api.plane.live.site_counters(site);
    let missing = || Problem::new(Reason::NotFound).detail(format!("no edge here serves a site {site}"));
    Ok(axum::Json(figures.ok_or_else(missing)?.into()))
}

/// Streams a site's `history` once, then its `figures` each second and `changed` after purges.
#[utoipa::path(get, path = "/api/v1/sites/{site}/cache/live", tag = "cache",
    params(("site" = String, Path, description = "The site's id")),
    responses((status = 200, description = "Events `history`, `figures`, `changed`", body = String, content_type = "text/event-stream"),
        (status = 503, description = "Too many watch already")))]
pub(crate) async fn live(
    State(api): State<Api>,
    Path(site): Path<SiteId>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let (events, permit) = api.plane.live.watch().ok_or_else(|| {
        Problem::new(Reason::RecordsBusy).detail("too many consoles watch at once; close one")
    })?;
    let history = event("history", &api.plane.live.site_history(site));
    let news = BroadcastStream::new(events)
        .take_while(|event| !matches!(event, Ok(LiveEvent::End)))
        .filter_map(move |news| {
            // The permit lives as long as the stream.
            let _held = &permit;
            match news {
                Ok(LiveEvent::Sites(sites)) => sites.get(&site).map(|figures| event("figures", figures)),
                Ok(LiveEvent::Purged) => Some(event("changed", &())),
                // A console that lagged behind misses some seconds.
                Ok(LiveEvent::Figures(_) | LiveEvent::Changed | LiveEvent::End) | Err(_) => None,
            }
        });
    let stream = tokio_stream::once(history).chain(news).map(Ok);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}
