//! What is counted for each origin, and how it is told.

use super::upstream::{Upstream, UpstreamTable};
use shield::admission::Occupancy;
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use vocabulary::{SiteId, Timestamp};

/// One origin's figures since it is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginFigures {
    /// Whose origin it is.
    pub site: SiteId,
    /// Scheme, host and port.
    pub origin: String,
    /// Requests that were sent to it.
    pub requests: u64,
    /// Those of them that failed: no connection, no answer in time, an answer of class 5xx.
    pub failures: u64,
    /// How often it was put out for that.
    pub ejections: u64,
    /// What its checks say; true where there are none.
    pub up: bool,
    /// Whether it takes its full share of the requests now.
    pub whole: bool,
    /// Requests that it may have at once.
    pub places: u32,
    /// Requests that it has and has not begun to answer.
    pub busy: u32,
    /// Requests that wait for a place.
    pub waiting: u32,
    /// Requests that were refused one.
    pub overloaded: u64,
}

/// One site's retries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryFigures {
    /// The site.
    pub site: SiteId,
    /// Requests that were sent to another origin as well.
    pub retries: u64,
}

/// The figures of all origins of all sites, ordered by site.
pub(crate) fn of_table(table: &UpstreamTable, now: Timestamp) -> (Vec<OriginFigures>, Vec<RetryFigures>) {
    let mut sites: Vec<_> = table.iter().collect();
    sites.sort_by_key(|(site, _)| **site);
    let origins = sites.iter().flat_map(|(site, upstream)| of_site(**site, upstream, now)).collect();
    let retries = sites.iter().map(|(site, upstream)| {
        let retries = upstream.retries.load(Ordering::Relaxed);
        RetryFigures { site: **site, retries }
    });
    (origins, retries.filter(|figures| figures.retries > 0).collect())
}

fn of_site(site: SiteId, upstream: &Upstream, now: Timestamp) -> impl Iterator<Item = OriginFigures> {
    upstream.members().iter().map(move |member| {
        let Occupancy { places, busy, waiting, .. } = member.entrance.occupancy();
        OriginFigures {
            site,
            origin: member.to_string(),
            requests: member.requests(),
            failures: member.condition.failures.load(Ordering::Relaxed),
            ejections: member.condition.ejections.load(Ordering::Relaxed),
            up: member.condition.is_up(),
            whole: upstream.is_whole(member, now),
            places,
            busy,
            waiting,
            overloaded: member.entrance.refused(),
        }
    })
}

/// Writes the origins' metrics.
pub(crate) fn write(text: &mut String, origins: &[OriginFigures], retries: &[RetryFigures]) {
    type Column = (&'static str, &'static str, &'static str, fn(&OriginFigures) -> u64);
    const COLUMNS: [Column; 9] = [
        ("wardmote_site_origin_requests_total", "counter", "Requests by origin.", |one| one.requests),
        ("wardmote_site_origin_failures_total", "counter", "Failed requests by origin.", |one| one.failures),
        ("wardmote_site_origin_ejections_total", "counter", "Times an origin was put out.", |one| {
            one.ejections
        }),
        ("wardmote_site_origin_up", "gauge", "What its checks say.", |one| one.up.into()),
        ("wardmote_site_origin_whole", "gauge", "Whether it takes its full share.", |one| one.whole.into()),
        ("wardmote_site_origin_places", "gauge", "Requests it may have at once.", |one| one.places.into()),
        ("wardmote_site_origin_busy", "gauge", "Requests it has not begun to answer.", |one| one.busy.into()),
        ("wardmote_site_origin_waiting", "gauge", "Requests that wait for a place.", |one| {
            one.waiting.into()
        }),
        ("wardmote_site_origin_overloaded_total", "counter", "Requests refused a place.", |one| {
            one.overloaded
        }),
    ];
    // Writing to a String cannot fail.
    for (name, kind, help, value) in COLUMNS {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for figures in origins {
            let OriginFigures { site, origin, .. } = figures;
            let _ = writeln!(text, "{name}{{site=\"{site}\",origin=\"{origin}\"}} {}", value(figures));
        }
    }
    let name = "wardmote_site_retries_total";
    let _ = write!(text, "# HELP {name} Requests sent to another origin as well.\n# TYPE {name} counter\n");
    for RetryFigures { site, retries } in retries {
        let _ = writeln!(text, "{name}{{site=\"{site}\"}} {retries}");
    }
}
