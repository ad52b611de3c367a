//! Answered → recorded: counters, and one line in the access log.

use crate::explain::Footprint;
use crate::figures::add;
use crate::reasons::{Outcome, Reason};
use crate::request::Request;
use crate::site_figures::Counting;
use crate::trail::Trail;
use crate::worker::Worker;
use caching::CacheStatus;
use serde::Serialize;
use std::net::IpAddr;
use vocabulary::{DecisionId, SiteId, Timestamp};

/// One line of the access log. Names and meanings are kept once released.
#[derive(Serialize)]
struct Line<'a> {
    time: Timestamp,
    ray: String,
    client: IpAddr,
    #[serde(flatten)]
    request: Option<RequestPart<'a>>,
    status: u16,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<String>,
    bytes: u64,
    ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<SiteId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<DecisionId>,
}

/// What is known of a request whose head could be read.
#[derive(Serialize)]
struct RequestPart<'a> {
    method: &'a str,
    scheme: &'static str,
    host: &'a str,
    target: &'a str,
    version: &'static str,
}

/// Records an exchange that is over.
pub(crate) fn record(
    worker: &Worker,
    request: Option<&Request>,
    trail: &Trail,
    reason: Reason,
    (status, bytes): (u16, u64),
) {
    worker.counters.exchange(reason, status, bytes);
    if let Some(request) = request {
        worker.counters.count_protocol(request.version);
    }
    let hit = matches!(trail.cache, Some(CacheStatus::Hit { .. }));
    if hit {
        add(&worker.counters.hits, 1);
    }
    if let Some(site) = &trail.counters {
        site.count(&Counting {
            target: request.map(|request| (request.authority.as_str(), request.target.as_str())),
            cache: trail.cache,
            from_disk: trail.from_disk,
            blocked: reason.outcome() == Outcome::Blocked,
            bytes,
        });
    }
    worker.footprints.leave(Footprint::of(request, trail, reason, (status, bytes)));
    if let Some(log) = &worker.shared.log {
        let ended = worker.shared.clock.now();
        let mut line = Vec::with_capacity(512);
        let written =
            serde_json::to_writer(&mut line, &describe(request, trail, reason, (status, bytes), ended));
        line.push(b'\n');
        // Strings and numbers have a JSON form; a line without one would be a mistake to leave out quietly.
        debug_assert!(written.is_ok(), "{written:?}");
        log.append(&line);
    }
}

fn describe<'a>(
    request: Option<&'a Request>,
    trail: &Trail,
    reason: Reason,
    (status, bytes): (u16, u64),
    ended: Timestamp,
) -> Line<'a> {
    Line {
        time: trail.started,
        ray: trail.ray.to_string(),
        client: trail.client,
        request: request.map(|request| RequestPart {
            method: request.method.as_str(),
            scheme: request.scheme.as_str(),
            host: request.authority.as_str(),
            target: request.target.as_str(),
            version: match request.version {
                http::Version::HTTP_10 => "1.0",
                http::Version::HTTP_2 => "2",
                http::Version::HTTP_3 => "3",
                _ => "1.1",
            },
        }),
        status,
        reason: reason.name(),
        cache: trail.cache.map(|status| status.to_string()),
        bytes,
        ms: u64::try_from(ended.since(trail.started).as_millis()).unwrap_or(u64::MAX),
        site: trail.site.as_ref().map(|site| site.id),
        decision: trail.decision,
    }
}
