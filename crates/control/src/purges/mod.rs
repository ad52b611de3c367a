//! Purges: from what somebody asks for to what every edge holds.
//!
//! Owns the reading of a request into orders ([`order`]), the way of kept purges to the edges
//! ([`spread_out`]), and since when each edge holds which ([`Spread`]). Must not know HTTP, nor how an edge
//! forgets.
//!
//! Invariants: a purge is kept before anybody is told of it; the reconciler takes no input but the records
//! and the receipts, so after a restart the whole window goes out again; an edge is said to hold a purge
//! only after its own receipt.

mod order;
mod reconciler;
mod spread;

pub(crate) use order::{OrderRefusal, Subject, Whose, Wish, orders, shown, site_named};
pub(crate) use reconciler::spread_out;
pub(crate) use spread::{Held, Spread, Spreading};

use crate::plane::Plane;
use records::{PurgeOrder, RevisionNote, StoreError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How long an answer waits for the edges.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// What the reconciler and those who wait for it share.
#[derive(Debug)]
pub(crate) struct Purging {
    /// Wakes the reconciler.
    wake: Notify,
    /// Who holds what; each change wakes those who wait.
    spread: watch::Sender<Spread>,
}

impl Default for Purging {
    fn default() -> Self {
        Self { wake: Notify::new(), spread: watch::channel(Spread::default()).0 }
    }
}

impl Purging {
    /// How far a revision has spread.
    pub(crate) fn spreading(&self, revision: u64) -> Spreading {
        self.spread.borrow().of(revision)
    }

    /// Waits until every edge that reports holds the revision, but not for long.
    async fn settled(&self, revision: u64) -> Spreading {
        let mut news = self.spread.subscribe();
        let settled = news.wait_for(|spread| spread.of(revision).is_complete());
        // Too late, or the server stops: the answer says how far it came.
        let _ = tokio::time::timeout(WAIT_MAX, settled).await;
        self.spreading(revision)
    }
}

/// A purge that was kept, and how far it came while the answer waited.
#[derive(Debug)]
pub(crate) struct Purged {
    /// The revision of the last of the orders.
    pub(crate) revision: u64,
    /// How far it has spread.
    pub(crate) spreading: Spreading,
}

/// Keeps the orders, sends them out and waits a moment for the edges.
pub(crate) async fn place(plane: &Plane, orders: &[PurgeOrder], actor: &str) -> Result<Purged, StoreError> {
    let note = RevisionNote { at: plane.clock.now(), actor: actor.to_owned() };
    let revision = plane.records.append_purges(orders, &note).await?;
    plane.purging.wake.notify_one();
    let spreading = plane.purging.settled(revision).await;
    Ok(Purged { revision, spreading })
}
