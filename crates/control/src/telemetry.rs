//! What the control plane asks of the data plane it runs beside.

use crate::defence::Defence;
use crate::questions::Questions;
use caching::Reason;
use std::sync::Arc;
use vocabulary::SiteId;

/// Counters of the data plane since its start; rates are differences of two readings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Requests answered.
    pub requests: u64,
    /// Answers by class of status: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub by_class: [u64; 5],
    /// Answers served from the cache.
    pub hits: u64,
    /// Answers that needed the origin.
    pub misses: u64,
    /// Bytes of bodies sent to visitors.
    pub bytes: u64,
    /// Requests answered with a block page.
    pub blocked: u64,
    /// Connections open now (a level, not a counter).
    pub open_connections: u64,
    /// The same by site; at most as many rows as there are sites.
    pub sites: Vec<SiteFigures>,
}

/// Counters of one site since it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteFigures {
    /// Whose.
    pub site: SiteId,
    /// Requests answered.
    pub requests: u64,
    /// Answers from fresh copies.
    pub hits: u64,
    /// Answers from stale copies.
    pub stale: u64,
    /// Answers that needed the origin.
    pub misses: u64,
    /// Bytes of bodies sent to visitors.
    pub bytes: u64,
    /// Those of them that came from memory.
    pub memory_bytes: u64,
    /// Those that came from disk.
    pub disk_bytes: u64,
    /// Those that came from the origin.
    pub origin_bytes: u64,
    /// Requests answered with a block page.
    pub blocked: u64,
    /// The misses by what explains them best; only reasons that occurred.
    pub reasons: Vec<(Reason, u64)>,
    /// The addresses missed most, the first one first; a handful.
    pub top_misses: Vec<TopMiss>,
}

/// An address that often needed the origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopMiss {
    /// Host, path and query as visitors sent them; a long one is cut.
    pub target: String,
    /// Why, the last time.
    pub reason: Reason,
    /// How often, at least.
    pub count: u64,
}

/// The data plane as the console sees it; the binary implements it over the edge.
///
/// Contract: every method returns at once without I/O and may be called from any thread.
pub trait Telemetry: Send + Sync + 'static {
    /// The counters now; read once a second.
    fn figures(&self) -> Figures;

    /// The data plane's own metrics in Prometheus' text format; appended to the control plane's.
    fn prometheus(&self) -> String;

    /// Whether the data plane serves, else the reason in one sentence.
    fn ready(&self) -> Result<(), String>;

    /// Where single addresses and answers are asked about; none while no data plane runs beside.
    fn questions(&self) -> Option<Arc<dyn Questions>> {
        None
    }

    /// Where events and signatures of the defence are asked for; none while no data plane runs beside.
    fn defence(&self) -> Option<Arc<dyn Defence>> {
        None
    }
}

/// A control plane without a data plane beside it.
impl Telemetry for () {
    fn figures(&self) -> Figures {
        Figures::default()
    }

    fn prometheus(&self) -> String {
        String::new()
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }
}
