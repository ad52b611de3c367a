//! What the edge counts, and how it tells.
//!
//! Each worker counts for itself; a reader adds up. Counters never go back while the edge runs.

use crate::compress::EncodingFigures;
use crate::histogram::{Histogram, Latency};
use crate::origin::figures::{OriginFigures, RetryFigures};
use crate::origin::{self, UpstreamTable};
use crate::reasons::Reason;
use crate::site_figures::{self, SiteCounterTable, SiteFigures};
use crate::store_metrics;
use crate::tier::ParentFigures;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use vocabulary::Timestamp;

/// The protocols of requests, and their labels in metrics.
const PROTOCOLS: [(http::Version, &str); 4] = [
    (http::Version::HTTP_10, "1.0"),
    (http::Version::HTTP_11, "1.1"),
    (http::Version::HTTP_2, "2"),
    (http::Version::HTTP_3, "3"),
];

/// One worker's counters.
pub(crate) struct Counters {
    reasons: Box<[AtomicU64]>,
    /// By the first digit of the status; 0 counts exchanges without an answer.
    classes: [AtomicU64; 6],
    /// By the place in [`PROTOCOLS`].
    protocols: [AtomicU64; PROTOCOLS.len()],
    pub(crate) hits: AtomicU64,
    pub(crate) sent_bytes: AtomicU64,
    pub(crate) connections_opened: AtomicU64,
    pub(crate) connections_closed: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
    pub(crate) handshakes_failed: AtomicU64,
    pub(crate) proxy_headers_refused: AtomicU64,
    /// Connections ended because of the frames that came by them.
    pub(crate) connections_breached: AtomicU64,
    pub(crate) tunnels_opened: AtomicU64,
    pub(crate) tunnels_closed: AtomicU64,
    pub(crate) connections_cut: AtomicU64,
    pub(crate) tunnels_cut: AtomicU64,
    /// Visitors over QUIC that had to prove their address first.
    pub(crate) quic_retries: AtomicU64,
    pub(crate) origin_connects: AtomicU64,
    pub(crate) origin_requests: AtomicU64,
    /// Fills that were stored.
    pub(crate) fills: Histogram,
    /// Revalidations that were answered.
    pub(crate) revalidations: Histogram,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            reasons: Reason::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            classes: Default::default(),
            protocols: Default::default(),
            hits: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            connections_opened: AtomicU64::new(0),
            connections_closed: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
            handshakes_failed: AtomicU64::new(0),
            proxy_headers_refused: AtomicU64::new(0),
            connections_breached: AtomicU64::new(0),
            tunnels_opened: AtomicU64::new(0),
            tunnels_closed: AtomicU64::new(0),
            connections_cut: AtomicU64::new(0),
            tunnels_cut: AtomicU64::new(0),
            quic_retries: AtomicU64::new(0),
            origin_connects: AtomicU64::new(0),
            origin_requests: AtomicU64::new(0),
            fills: Histogram::default(),
            revalidations: Histogram::default(),
        }
    }
}

impl Counters {
    /// Counts a recorded exchange.
    pub(crate) fn exchange(&self, reason: Reason, status: u16, sent_bytes: u64) {
        add(&self.reasons[reason.index()], 1);
        add(&self.classes[usize::from(status / 100).min(5)], 1);
        add(&self.sent_bytes, sent_bytes);
    }

    /// Counts a tunnel for as long as what is returned lives.
    pub(crate) fn tunnel(&self) -> TunnelOpen<'_> {
        add(&self.tunnels_opened, 1);
        TunnelOpen(self)
    }

    /// Tunnels that are open now.
    pub(crate) fn open_tunnels(&self) -> u64 {
        let closed = self.tunnels_closed.load(Ordering::Relaxed);
        self.tunnels_opened.load(Ordering::Relaxed).saturating_sub(closed)
    }
}

/// A tunnel that is open.
pub(crate) struct TunnelOpen<'a>(&'a Counters);

impl Drop for TunnelOpen<'_> {
    fn drop(&mut self) {
        add(&self.0.tunnels_closed, 1);
    }
}

impl Counters {
    /// Counts by which protocol a request came whose head could be read.
    pub(crate) fn count_protocol(&self, version: http::Version) {
        let place = PROTOCOLS.iter().position(|(known, _)| *known == version);
        if let Some(counter) = place.and_then(|place| self.protocols.get(place)) {
            add(counter, 1);
        }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// What the edge has done since it started, and what it holds now.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Exchanges that were recorded.
    pub requests: u64,
    /// The same by class of status; index 0: ended without an answer, 1: 1xx (tunnels), and so on.
    pub classes: [u64; 6],
    /// The same by reason, in the order of the table; only those that occurred.
    pub reasons: Vec<(Reason, u64)>,
    /// Requests that could be read, by protocol: HTTP/1.0, 1.1, 2 and 3.
    pub protocols: [u64; 4],
    /// Exchanges answered from the cache.
    pub hits: u64,
    /// Exchanges answered by a measure.
    pub blocked: u64,
    /// Bytes of content sent to visitors.
    pub sent_bytes: u64,
    /// Visitors' connections open now.
    pub open_connections: u64,
    /// Visitors' connections since the start.
    pub connections: u64,
    /// Connections turned away at once, for want of descriptors.
    pub connections_refused: u64,
    /// TLS handshakes that came to nothing.
    pub handshakes_failed: u64,
    /// Connections of trusted proxies that did not begin with a PROXY header where they must.
    pub proxy_headers_refused: u64,
    /// Connections of HTTP/2 ended because of the frames that came by them.
    pub connections_breached: u64,
    /// Tunnels, such as WebSockets, open now.
    pub open_tunnels: u64,
    /// Visitors' connections that were still open when an ending edge had no more time.
    pub connections_cut: u64,
    /// Tunnels among them.
    pub tunnels_cut: u64,
    /// Visitors over QUIC that had to prove their address before anything was kept for them.
    pub quic_retries: u64,
    /// Connections made to origins.
    pub origin_connects: u64,
    /// Requests sent to origins.
    pub origin_requests: u64,
    /// Connections to origins that were not made because they would have led back here.
    pub origin_loops: u64,
    /// How long fills took that were stored.
    pub fills: Latency,
    /// How long revalidations took.
    pub revalidations: Latency,
    /// Lines the access log had no room for.
    pub log_lines_dropped: u64,
    /// The sites' revision that is served; none before the first parcel.
    pub revision: Option<u64>,
    /// Measures whose lease runs.
    pub measures: u64,
    /// By site.
    pub sites: Vec<SiteFigures>,
    /// By site and origin.
    pub origins: Vec<OriginFigures>,
    /// Requests that were sent to another origin as well, by site; only of sites that had any.
    pub retries: Vec<RetryFigures>,
    /// The cache.
    pub cache: object_cache::Figures,
    /// Requests to the parent edge.
    pub parent: ParentFigures,
    /// Other codings of stored responses.
    pub codings: EncodingFigures,
}

impl Figures {
    pub(crate) fn add_worker(&mut self, counters: &Counters, tally: &mut [u64]) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for (slot, counter) in tally.iter_mut().zip(&counters.reasons) {
            *slot += read(counter);
        }
        for (slot, counter) in self.classes.iter_mut().zip(&counters.classes) {
            let count = read(counter);
            *slot += count;
            self.requests += count;
        }
        for (slot, counter) in self.protocols.iter_mut().zip(&counters.protocols) {
            *slot += read(counter);
        }
        self.hits += read(&counters.hits);
        self.sent_bytes += read(&counters.sent_bytes);
        let closed = read(&counters.connections_closed);
        let opened = read(&counters.connections_opened);
        self.connections += opened;
        self.open_connections += opened.saturating_sub(closed);
        self.connections_refused += read(&counters.connections_refused);
        self.handshakes_failed += read(&counters.handshakes_failed);
        self.proxy_headers_refused += read(&counters.proxy_headers_refused);
        self.connections_breached += read(&counters.connections_breached);
        self.open_tunnels += counters.open_tunnels();
        self.connections_cut += read(&counters.connections_cut);
        self.tunnels_cut += read(&counters.tunnels_cut);
        self.quic_retries += read(&counters.quic_retries);
        self.origin_connects += read(&counters.origin_connects);
        self.origin_requests += read(&counters.origin_requests);
        self.fills.add(&counters.fills);
        self.revalidations.add(&counters.revalidations);
    }

    pub(crate) fn add_origins(&mut self, table: &UpstreamTable, now: Timestamp) {
        (self.origins, self.retries) = origin::figures::of_table(table, now);
    }

    pub(crate) fn add_sites(&mut self, table: &SiteCounterTable) {
        self.sites = site_figures::of_table(table);
    }

    /// The figures as Prometheus reads them (text format 0.0.4).
    pub fn prometheus(&self) -> String {
        let mut text = String::with_capacity(4096);
        let mut plain = |name: &str, kind: &str, help: &str, value: u64| {
            // Writing to a String cannot fail, here and below.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        };
        plain("wardmote_hits_total", "counter", "Exchanges answered from the cache.", self.hits);
        plain("wardmote_blocked_total", "counter", "Exchanges answered by a measure.", self.blocked);
        plain("wardmote_sent_bytes_total", "counter", "Bytes of content sent to visitors.", self.sent_bytes);
        plain("wardmote_open_connections", "gauge", "Visitors' connections open now.", self.open_connections);
        plain("wardmote_connections_total", "counter", "Visitors' connections.", self.connections);
        let refused = self.connections_refused;
        plain("wardmote_connections_refused_total", "counter", "Connections turned away at once.", refused);
        let failed = self.handshakes_failed;
        plain("wardmote_handshakes_failed_total", "counter", "TLS handshakes that came to nothing.", failed);
        plain(
            "wardmote_quic_retries_total",
            "counter",
            "QUIC visitors sent back for proof.",
            self.quic_retries,
        );
        plain("wardmote_origin_connects_total", "counter", "Connections to origins.", self.origin_connects);
        plain("wardmote_origin_requests_total", "counter", "Requests to origins.", self.origin_requests);
        let dropped = self.log_lines_dropped;
        plain("wardmote_log_lines_dropped_total", "counter", "Access log lines without room.", dropped);
        plain("wardmote_measures", "gauge", "Measures whose lease runs.", self.measures);
        for (name, kind, help, value) in self.further_rows() {
            plain(name, kind, help, value);
        }
        if let Some(revision) = self.revision {
            plain("wardmote_revision", "gauge", "The sites' revision that is served.", revision);
        }
        store_metrics::write(&mut text, &self.cache);
        self.write_labelled(&mut text);
        text
    }

    fn write_labelled(&self, text: &mut String) {
        let _ = text.write_str("# HELP wardmote_requests_total Exchanges by class of status.\n# TYPE wardmote_requests_total counter\n");
        for (class, count) in self.classes.iter().enumerate() {
            let class = if class == 0 { "none".to_owned() } else { format!("{class}xx") };
            let _ = writeln!(text, "wardmote_requests_total{{class=\"{class}\"}} {count}");
        }
        let _ = text.write_str("# HELP wardmote_protocol_requests_total Requests by protocol.\n# TYPE wardmote_protocol_requests_total counter\n");
        for ((_, protocol), count) in PROTOCOLS.iter().zip(self.protocols) {
            let _ = writeln!(text, "wardmote_protocol_requests_total{{protocol=\"{protocol}\"}} {count}");
        }
        let _ = text.write_str(
            "# HELP wardmote_reasons_total Exchanges by reason.\n# TYPE wardmote_reasons_total counter\n",
        );
        for (reason, count) in &self.reasons {
            let (name, outcome) = (reason.name(), reason.outcome().label());
            let _ =
                writeln!(text, "wardmote_reasons_total{{reason=\"{name}\",outcome=\"{outcome}\"}} {count}");
        }
        self.fills.write(text, "wardmote_fill_seconds", "From asking an origin to a whole stored response.");
        self.revalidations.write(
            text,
            "wardmote_revalidation_seconds",
            "From asking an origin about a stored response to its answer.",
        );
        site_figures::write(text, &self.sites);
        origin::figures::write(text, &self.origins, &self.retries);
    }

    fn further_rows(&self) -> [(&'static str, &'static str, &'static str, u64); 13] {
        let codings = &self.codings;
        [
            (
                "wardmote_connections_breached_total",
                "counter",
                "Connections ended because of the frames that came by them.",
                self.connections_breached,
            ),
            (
                "wardmote_proxy_headers_refused_total",
                "counter",
                "Connections of trusted proxies without a PROXY header.",
                self.proxy_headers_refused,
            ),
            ("wardmote_open_tunnels", "gauge", "Tunnels, such as WebSockets, open now.", self.open_tunnels),
            (
                "wardmote_origin_loops_total",
                "counter",
                "Connections to origins that would have led back here.",
                self.origin_loops,
            ),
            ("wardmote_codings_made_total", "counter", "Coded forms made.", codings.made),
            (
                "wardmote_codings_saved_bytes_total",
                "counter",
                "Bytes that coded forms were shorter.",
                codings.saved_bytes,
            ),
            ("wardmote_codings_not_worth_total", "counter", "Coded forms not worth it.", codings.not_worth),
            ("wardmote_codings_dropped_total", "counter", "Codings dropped in the queue.", codings.dropped),
            (
                "wardmote_codings_no_room_total",
                "counter",
                "Codings dropped for want of room.",
                codings.no_room,
            ),
            ("wardmote_codings_bytes", "gauge", "Bytes of coded forms.", codings.bytes),
            ("wardmote_parent_answers_total", "counter", "Answers of the parent edge.", self.parent.answers),
            (
                "wardmote_parent_refusals_total",
                "counter",
                "Refusals of the parent edge.",
                self.parent.refusals,
            ),
            (
                "wardmote_parent_failures_total",
                "counter",
                "Times the parent edge was away.",
                self.parent.failures,
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_add_up_and_every_line_is_well_formed() {
        let (one, two) = (Counters::default(), Counters::default());
        one.exchange(Reason::Hit, 200, 10);
        two.exchange(Reason::UnknownHost, 421, 5);
        two.exchange(Reason::VisitorGone, 0, 0);
        let (mut figures, mut tally) = (Figures::default(), vec![0; Reason::ALL.len()]);
        for counters in [&one, &two] {
            figures.add_worker(counters, &mut tally);
        }
        figures.reasons = vec![(Reason::Hit, 1)];
        let site = vocabulary::SiteId::from_bytes([7; 16]);
        figures.add_sites(&SiteCounterTable::from_iter([(
            site,
            std::sync::Arc::new(crate::site_figures::SiteCounters::of(site)),
        )]));
        assert_eq!((figures.requests, figures.sent_bytes, figures.classes), (3, 15, [1, 0, 1, 0, 1, 0]));
        for line in figures.prometheus().lines() {
            let words: Vec<_> = line.split(' ').collect();
            let comment = line.starts_with("# HELP ") || line.starts_with("# TYPE ");
            assert!(comment || (words.len() == 2 && words[1].parse::<f64>().is_ok()), "{line}");
        }
    }
}
