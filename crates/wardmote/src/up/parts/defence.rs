//! The edge's defence as people see it, by way of the control plane.

use control::{Defence, EventsWanted};
use edge::{EventFilter, Insight};
use shield::events::{ActiveSignature, EventRecord};
use vocabulary::SiteId;

/// A running edge.
pub(super) struct Defended(pub(super) Insight);

impl Defence for Defended {
    fn events(&self, wanted: &EventsWanted) -> Vec<EventRecord> {
        let EventsWanted { site, kind, since, limit } = *wanted;
        self.0.shield_events(&EventFilter { site, kind, since, limit })
    }

    fn signatures(&self) -> Vec<ActiveSignature> {
        self.0.shield_signatures()
    }

    fn undo(&self, site: SiteId, signature: &str) -> bool {
        self.0.shield_undo(site, signature)
    }
}
