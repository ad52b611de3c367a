//! What is counted for each site, and how it is told.

use crate::figures::add;
use crate::top_misses::{TopMiss, TopMisses};
use crate::worker::BySite;
use caching::{CacheStatus, Reason};
use guard::Watch;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use vocabulary::SiteId;

/// One site's counters, kept while the site is served and shared by all workers.
#[derive(Debug)]
pub(crate) struct SiteCounters {
    requests: AtomicU64,
    hits: AtomicU64,
    stale: AtomicU64,
    blocked: AtomicU64,
    sent_bytes: AtomicU64,
    memory_bytes: AtomicU64,
    disk_bytes: AtomicU64,
    origin_bytes: AtomicU64,
    /// In the order of `Reason::ALL`.
    reasons: Box<[AtomicU64]>,
    top_misses: Mutex<TopMisses>,
    /// What the shield keeps of the site.
    pub(crate) watch: Arc<Watch>,
}

/// The counters of all sites of a snapshot.
pub(crate) type SiteCounterTable = BySite<Arc<SiteCounters>>;

impl SiteCounters {
    /// Nothing was counted yet.
    pub(crate) fn of(site: SiteId) -> Self {
        Self {
            requests: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            memory_bytes: AtomicU64::new(0),
            disk_bytes: AtomicU64::new(0),
            origin_bytes: AtomicU64::new(0),
            reasons: Reason::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            top_misses: Mutex::default(),
            watch: Watch::new(site),
        }
    }
}

/// How one exchange is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counting<'a> {
    /// Host, path and query, where the request could be read.
    pub(crate) target: Option<(&'a str, &'a str)>,
    /// What the cache did.
    pub(crate) cache: Option<CacheStatus>,
    /// Whether a stored body was read from disk.
    pub(crate) from_disk: bool,
    /// Whether a measure answered.
    pub(crate) blocked: bool,
    /// Bytes of content sent.
    pub(crate) bytes: u64,
}

/// What the cache's part comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Answered from a stored response that is fresh.
    Hit,
    /// Answered from one that is stale.
    Stale,
    /// The origin was asked, or would have had to be: for this reason.
    Missed(Reason),
}

impl Part {
    /// A miss counts by what explains it best: why the answer could not be kept, else why none was held.
    pub(crate) fn of(status: &CacheStatus) -> Self {
        match *status {
            CacheStatus::Hit { .. } => Self::Hit,
            CacheStatus::Stale { .. } => Self::Stale,
            CacheStatus::Collapsed { why, .. } => Self::Missed(why),
            CacheStatus::Forwarded { why, kept, .. } => Self::Missed(kept.err().flatten().unwrap_or(why)),
            CacheStatus::Local { why } => Self::Missed(why),
        }
    }
}

impl SiteCounters {
    /// Counts an exchange that is over.
    pub(crate) fn count(&self, counting: &Counting<'_>) {
        add(&self.requests, 1);
        add(&self.sent_bytes, counting.bytes);
        add(&self.blocked, u64::from(counting.blocked));
        let Some(part) = counting.cache.as_ref().map(Part::of) else { return };
        let source = match part {
            Part::Missed(_) => &self.origin_bytes,
            _ if counting.from_disk => &self.disk_bytes,
            Part::Hit | Part::Stale => &self.memory_bytes,
        };
        add(source, counting.bytes);
        match part {
            Part::Hit => add(&self.hits, 1),
            Part::Stale => add(&self.stale, 1),
            Part::Missed(reason) => self.count_miss(reason, counting.target),
        }
    }

    fn count_miss(&self, reason: Reason, target: Option<(&str, &str)>) {
        if let Some(place) = Reason::ALL.iter().position(|known| *known == reason) {
            add(&self.reasons[place], 1);
        }
        let Some((host, path)) = target else { return };
        // Who finds the table in use leaves this one miss out of it: nobody waits for a figure.
        match self.top_misses.try_lock() {
            Ok(mut table) => table.count(host, path, reason),
            Err(TryLockError::Poisoned(table)) => table.into_inner().count(host, path, reason),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    fn figures(&self, site: SiteId) -> SiteFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let reasons = Reason::ALL.iter().zip(&self.reasons).map(|(reason, count)| (*reason, read(count)));
        let top_misses = match self.top_misses.lock() {
            Ok(table) => table.top(),
            Err(poisoned) => poisoned.into_inner().top(),
        };
        SiteFigures {
            site,
            requests: read(&self.requests),
            hits: read(&self.hits),
            stale: read(&self.stale),
            blocked: read(&self.blocked),
            sent_bytes: read(&self.sent_bytes),
            memory_bytes: read(&self.memory_bytes),
            disk_bytes: read(&self.disk_bytes),
            origin_bytes: read(&self.origin_bytes),
            reasons: reasons.filter(|(_, count)| *count > 0).collect(),
            top_misses,
        }
    }
}

/// One site's figures since the site is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteFigures {
    /// The site.
    pub site: SiteId,
    /// Exchanges.
    pub requests: u64,
    /// Those answered from a fresh stored response.
    pub hits: u64,
    /// Those answered from a stale one.
    pub stale: u64,
    /// Those answered by a measure.
    pub blocked: u64,
    /// Bytes of content sent.
    pub sent_bytes: u64,
    /// Those of them that were in memory.
    pub memory_bytes: u64,
    /// Those that were read from disk.
    pub disk_bytes: u64,
    /// Those that came from the origin.
    pub origin_bytes: u64,
    /// What was not answered from here, by reason; only reasons that occurred.
    pub reasons: Vec<(Reason, u64)>,
    /// The addresses that were most often not answered from here, the first one first; at most ten.
    pub top_misses: Vec<TopMiss>,
}

impl SiteFigures {
    /// Exchanges in which the origin was asked, or would have had to be.
    pub fn misses(&self) -> u64 {
        self.reasons.iter().map(|(_, count)| count).sum()
    }

    /// The part of exchanges that the cache answered, in thousandths; none before the first one.
    pub fn hit_ratio(&self) -> Option<u64> {
        let answered = self.hits + self.stale;
        (answered.saturating_mul(1000)).checked_div(answered + self.misses())
    }
}

/// All sites' figures, ordered by id.
pub(crate) fn of_table(table: &SiteCounterTable) -> Vec<SiteFigures> {
    let mut sites: Vec<_> = table.iter().map(|(site, counters)| counters.figures(*site)).collect();
    sites.sort_by_key(|figures| figures.site);
    sites
}

/// Writes the sites' metrics.
pub(crate) fn write(text: &mut String, sites: &[SiteFigures]) {
    type Column = (&'static str, &'static str, fn(&SiteFigures) -> u64);
    const COLUMNS: [Column; 5] = [
        ("wardmote_site_requests_total", "Exchanges by site.", |site| site.requests),
        ("wardmote_site_hits_total", "Exchanges answered from the cache, by site.", |site| site.hits),
        ("wardmote_site_stale_total", "Exchanges answered from a stale copy, by site.", |site| site.stale),
        ("wardmote_site_blocked_total", "Exchanges answered by a measure, by site.", |site| site.blocked),
        ("wardmote_site_sent_bytes_total", "Bytes of content sent, by site.", |site| site.sent_bytes),
    ];
    for (name, help, value) in COLUMNS {
        declare(text, name, help, "counter");
        for site in sites {
            let _ = writeln!(text, "{name}{{site=\"{}\"}} {}", site.site, value(site));
        }
    }
    let name = "wardmote_site_misses_total";
    declare(text, name, "Exchanges not answered from the cache, by site and reason.", "counter");
    for site in sites {
        for (reason, count) in &site.reasons {
            let _ = writeln!(text, "{name}{{site=\"{}\",reason=\"{}\"}} {count}", site.site, reason.name());
        }
    }
    let name = "wardmote_site_content_bytes_total";
    declare(text, name, "Bytes of content sent, by site and where they were.", "counter");
    for site in sites {
        let places =
            [("memory", site.memory_bytes), ("disk", site.disk_bytes), ("origin", site.origin_bytes)];
        for (place, bytes) in places {
            let _ = writeln!(text, "{name}{{site=\"{}\",from=\"{place}\"}} {bytes}", site.site);
        }
    }
    let name = "wardmote_site_hit_ratio";
    declare(text, name, "The part of exchanges answered from the cache, by site.", "gauge");
    for site in sites {
        if let Some(thousandths) = site.hit_ratio() {
            let (whole, rest) = (thousandths / 1000, thousandths % 1000);
            let _ = writeln!(text, "{name}{{site=\"{}\"}} {whole}.{rest:03}", site.site);
        }
    }
}

/// Writing to a String cannot fail, here and above.
fn declare(text: &mut String, name: &str, help: &str, kind: &str) {
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(cache: CacheStatus) -> Counting<'static> {
        Counting {
            target: Some(("a.test", "/x")),
            cache: Some(cache),
            from_disk: false,
            blocked: false,
            bytes: 10,
        }
    }

    #[test]
    fn a_miss_counts_by_the_reason_that_explains_it_best() {
        let counters = SiteCounters::of(SiteId::from_bytes([7; 16]));
        let forwarded = |kept| CacheStatus::Forwarded { why: Reason::Absent, status: None, kept };
        counters.count(&counting(CacheStatus::Hit { ttl: 1 }));
        counters.count(&counting(forwarded(Ok(60))));
        counters.count(&counting(forwarded(Err(Some(Reason::SetCookie)))));
        counters.count(&counting(forwarded(Err(Some(Reason::SetCookie)))));
        counters.count(&Counting { from_disk: true, ..counting(CacheStatus::Hit { ttl: 1 }) });
        counters.count(&Counting { cache: None, blocked: true, ..counting(CacheStatus::Hit { ttl: 1 }) });
        let figures = counters.figures(SiteId::from_bytes([7; 16]));
        assert_eq!((figures.requests, figures.hits, figures.blocked, figures.misses()), (6, 2, 1, 3));
        assert_eq!((figures.memory_bytes, figures.disk_bytes, figures.origin_bytes), (10, 10, 30));
        assert_eq!(figures.reasons, [(Reason::Absent, 1), (Reason::SetCookie, 2)]);
        let top = &figures.top_misses[0];
        assert_eq!((top.target.as_str(), top.reason, top.count), ("a.test/x", Reason::SetCookie, 3));
        assert_eq!(figures.hit_ratio(), Some(400));
        let mut text = String::new();
        write(&mut text, &[figures]);
        let site = SiteId::from_bytes([7; 16]);
        for line in [
            format!("wardmote_site_misses_total{{site=\"{site}\",reason=\"set-cookie\"}} 2"),
            format!("wardmote_site_content_bytes_total{{site=\"{site}\",from=\"disk\"}} 10"),
            format!("wardmote_site_hit_ratio{{site=\"{site}\"}} 0.400"),
        ] {
            assert!(text.lines().any(|written| written == line), "{line}\n{text}");
        }
    }
}
