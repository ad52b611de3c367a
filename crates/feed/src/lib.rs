//! How snapshots and purges reach edges: publish, current, changed, and the receipts that come back.
//!
//! Owns the two ends of a feed, [`Publisher`] and [`Subscription`], the ports under them that a remote
//! feed implements ([`Outlet`], [`Inlet`]), and the feed inside one process. Knows nothing of what a
//! parcel means: the feed is not trusted, the proofs inside the parcel are.
//!
//! Purges go by a channel of their own, so that none waits for a parcel to be planned or proved. What is
//! published is always the window of the latest ones; an edge takes those above the revision it holds, and
//! one that holds less than the window's `after` has missed some and must distrust all it has stored.
//!
//! Invariants: only the latest parcel and the latest window count, a slow edge skips those between; the
//! revisions of what is published rise; receipts are bounded, the latest of each edge.

mod in_process;
mod receipt;

pub use in_process::in_process;
pub use receipt::{EDGES_MAX, ITEMS_MAX, Receipt, TEXT_BYTES_MAX};

use async_trait::async_trait;
use caching::PurgeWindow;
use snapshot::Parcel;
use std::sync::Arc;

/// The control plane's end of a feed. Clones are the same end.
#[derive(Clone)]
pub struct Publisher(Arc<dyn Outlet>);

/// An edge's end of a feed. A clone follows by itself, from the same place on.
pub struct Subscription(Box<dyn Inlet>);

/// The parcel or window was not published; edges keep what they have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// Its revision is not newer than what is published.
    #[error("revision {offered} is not newer than revision {published}, which is published already")]
    NotNewer {
        /// The revision that is published.
        published: u64,
        /// The revision that was offered.
        offered: u64,
    },
    /// The feed could not be reached; a retry may help.
    #[error("the feed cannot be reached: {0}")]
    Unreachable(String),
}

/// The other end of the feed is gone for good: no parcel will ever come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the feed has ended: its publisher is gone")]
pub struct Ended;

/// What a feed's publishing end does.
///
/// Concurrency: any number of callers. Durability: none is promised; after a restart the control plane
/// publishes anew from its records.
#[async_trait]
pub trait Outlet: Send + Sync + 'static {
    /// Makes the parcel the one that edges take; refused unless its revision is newer.
    async fn publish(&self, parcel: Arc<Parcel>) -> Result<(), PublishError>;

    /// What was published last.
    fn current(&self) -> Option<Arc<Parcel>>;

    /// Makes the window the one that edges take; refused if an earlier one reached further. The same
    /// reach again changes nothing and is no error.
    async fn purge(&self, window: Arc<PurgeWindow>) -> Result<(), PublishError>;

    /// The window published last.
    fn purges(&self) -> Option<Arc<PurgeWindow>>;

    /// The latest receipt of each edge, by the edge's name.
    fn receipts(&self) -> Vec<Receipt>;

    /// Waits for the next receipt after those that `seen` counts, and returns the new count; starts
    /// with 0. Returns at once if there is one already. Never returns when no edge is left to report.
    async fn reported(&self, seen: u64) -> u64;
}

/// What a feed's receiving end does.
#[async_trait]
pub trait Inlet: Send + Sync + 'static {
    /// The latest parcel, which counts as seen; `None` before the first.
    fn current(&mut self) -> Option<Arc<Parcel>>;

    /// Waits for a parcel not yet seen and returns the latest. Cancel-safe: a dropped wait has seen
    /// nothing. After the publisher is gone: what was not seen yet, then [`Ended`].
    async fn changed(&mut self) -> Result<Arc<Parcel>, Ended>;

    /// The latest window of purges, which counts as seen; `None` before the first.
    fn purges(&mut self) -> Option<Arc<PurgeWindow>>;

    /// Waits for a window of purges not yet seen and returns the latest; otherwise as
    /// [`changed`](Self::changed). To wait for both at once, let a clone wait for one of them.
    async fn purges_changed(&mut self) -> Result<Arc<PurgeWindow>, Ended>;

    /// Tells the publisher what became of parcels and purges. Never waits; may be lost.
    fn report(&self, receipt: Receipt);

    /// Another end that follows by itself.
    fn fork(&self) -> Box<dyn Inlet>;
}

impl Publisher {
    /// The publishing end of a feed.
    pub fn new(outlet: Arc<dyn Outlet>) -> Self {
        Self(outlet)
    }

    /// See [`Outlet::publish`].
    pub async fn publish(&self, parcel: Arc<Parcel>) -> Result<(), PublishError> {
        self.0.publish(parcel).await
    }

    /// See [`Outlet::current`].
    pub fn current(&self) -> Option<Arc<Parcel>> {
        self.0.current()
    }

    /// See [`Outlet::purge`].
    pub async fn purge(&self, window: impl Into<Arc<PurgeWindow>>) -> Result<(), PublishError> {
        self.0.purge(window.into()).await
    }

    /// See [`Outlet::purges`].
    pub fn purges(&self) -> Option<Arc<PurgeWindow>> {
        self.0.purges()
    }

    /// See [`Outlet::receipts`].
    pub fn receipts(&self) -> Vec<Receipt> {
        self.0.receipts()
    }

    /// See [`Outlet::reported`].
    pub async fn reported(&self, seen: u64) -> u64 {
        self.0.reported(seen).await
    }
}

impl Subscription {
    /// The receiving end of a feed.
    pub fn new(inlet: Box<dyn Inlet>) -> Self {
        Self(inlet)
    }

    /// See [`Inlet::current`].
    pub fn current(&mut self) -> Option<Arc<Parcel>> {
        self.0.current()
    }

    /// See [`Inlet::changed`].
    pub async fn changed(&mut self) -> Result<Arc<Parcel>, Ended> {
        self.0.changed().await
    }

    /// See [`Inlet::purges`].
    pub fn purges(&mut self) -> Option<Arc<PurgeWindow>> {
        self.0.purges()
    }

    /// See [`Inlet::purges_changed`].
    pub async fn purges_changed(&mut self) -> Result<Arc<PurgeWindow>, Ended> {
        self.0.purges_changed().await
    }

    /// See [`Inlet::report`].
    pub fn report(&self, receipt: Receipt) {
        self.0.report(receipt);
    }
}

impl Clone for Subscription {
    fn clone(&self) -> Self {
        Self(self.0.fork())
    }
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
