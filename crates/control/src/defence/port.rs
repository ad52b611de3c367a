//! What the control plane asks of the data plane's defence.

use shield::events::{ActiveSignature, EventKind, EventRecord};
use vocabulary::{SiteId, Timestamp};

/// Which events are wanted.
#[derive(Debug, Clone, Copy)]
pub struct EventsWanted {
    /// Of this site; none: of all.
    pub site: Option<SiteId>,
    /// Of this kind; none: of all.
    pub kind: Option<EventKind>,
    /// From this instant on.
    pub since: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

/// The data plane's defence as people see it; the binary implements it over the edge.
///
/// Contract: every method returns at once without I/O and may be called from any thread.
pub trait Defence: Send + Sync + 'static {
    /// What was done, the newest first.
    fn events(&self, wanted: &EventsWanted) -> Vec<EventRecord>;

    /// The signatures that are acted upon.
    fn signatures(&self) -> Vec<ActiveSignature>;

    /// Stops acting upon a signature and leaves it alone for a while; false where none has this id at the site.
    fn undo(&self, site: SiteId, signature: &str) -> bool;
}
