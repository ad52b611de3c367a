//! Fetching pages into the cache before visitors ask for them.
//!
//! A page is warmed by an exchange like any visitor's, from admission to record, on a worker of its own that
//! listens nowhere: whatever is stored, refused or blocked for visitors is so for warming. Only the answer port
//! differs: it counts, and keeps a sitemap's text.
//!
//! Invariants: a bounded number of pages at once, of batches in wait, of bytes of a sitemap.

mod sink;
pub(crate) mod sitemap;

use crate::exchange::exchange;
use crate::explain::imagined;
use crate::insight::Insight;
use crate::worker::Worker;
use caching::CacheStatus;
use futures_util::stream::{self, StreamExt as _};
use serde::Serialize;
use sink::{NoContent, Sink};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Pages of one batch.
pub const BATCH_MAX: usize = 100;
/// Pages warmed at the same time.
pub(crate) const AT_ONCE: usize = 8;
/// Batches and sitemaps that wait.
pub(crate) const ORDERS_MAX: usize = 8;
/// Whose requests these are, in logs.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What became of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warmed {
    /// Its address.
    pub url: String,
    /// The status that a visitor would have got; 0: none.
    pub status: u16,
    /// What the cache did, as in `Cache-Status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<String>,
    /// Whether it is held now.
    pub stored: bool,
    /// Bytes of its content.
    pub bytes: u64,
    /// Why nothing was fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotWarmed {
    /// Too many pages at once.
    #[error("a batch has at most {BATCH_MAX} addresses; send several")]
    TooMany,
    /// Too many orders wait.
    #[error("other pages are being warmed; try again in a moment")]
    Busy,
    /// The edge stops.
    #[error("the edge is stopping")]
    Stopping,
    /// A sitemap cannot be read.
    #[error("{url}: {why}")]
    Sitemap {
        /// The sitemap.
        url: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What was asked for.
enum Order {
    Warm(Vec<String>, oneshot::Sender<Vec<Warmed>>),
    Sitemap(String, oneshot::Sender<Result<Vec<String>, NotWarmed>>),
}

/// Where orders are handed in.
#[derive(Clone)]
pub(crate) struct Prewarmer {
    orders: mpsc::Sender<Order>,
}

/// What carries them out; run it once.
pub(crate) struct PrewarmShift {
    orders: mpsc::Receiver<Order>,
    worker: Arc<Worker>,
}

impl Prewarmer {
    pub(crate) fn new(worker: Arc<Worker>) -> (Self, PrewarmShift) {
        let (sender, orders) = mpsc::channel(ORDERS_MAX);
        (Self { orders: sender }, PrewarmShift { orders, worker })
    }

    async fn order<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, NotWarmed> {
        let (sender, answer) = oneshot::channel();
        self.orders.try_send(make(sender)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotWarmed::Busy,
            mpsc::error::TrySendError::Closed(_) => NotWarmed::Stopping,
        })?;
        answer.await.map_err(|_| NotWarmed::Stopping)
    }
}

impl Insight {
    /// Fetches pages into the cache, and tells what became of each in the order given.
    pub async fn prewarm(&self, urls: Vec<String>) -> Result<Vec<Warmed>, NotWarmed> {
        if urls.len() > BATCH_MAX {
            return Err(NotWarmed::TooMany);
        }
        self.prewarmer.order(|answer| Order::Warm(urls, answer)).await
    }

    /// The addresses of a sitemap (or of those that an index names), fetched by way of the edge.
    pub async fn sitemap(&self, url: String) -> Result<Vec<String>, NotWarmed> {
        self.prewarmer.order(|answer| Order::Sitemap(url, answer)).await?
    }
}

impl PrewarmShift {
    /// Works until the edge stops.
    pub(crate) async fn run(mut self, stopping: CancellationToken) {
        loop {
            let order = tokio::select! {
                () = stopping.cancelled() => return,
                order = self.orders.recv() => order,
            };
            let Some(order) = order else { return };
            tokio::select! {
                () = stopping.cancelled() => return,
                () = carry_out(&self.worker, order) => self.worker.origins.tidy(),
            }
        }
    }
}

/// Who asked may have gone meanwhile; the pages are warm all the same.
async fn carry_out(worker: &Arc<Worker>, order: Order) {
    match order {
        Order::Warm(urls, answer) => {
            let warming = stream::iter(urls).map(|url| warm(worker, url)).buffered(AT_ONCE);
            let _ = answer.send(warming.collect().await);
        }
        Order::Sitemap(url, answer) => {
            let _ = answer.send(sitemap::addresses(worker, url).await);
        }
    }
}

async fn warm(worker: &Arc<Worker>, url: String) -> Warmed {
    match fetch(worker, &url, Sink::counting()).await {
        Some(sink) => Warmed {
            url,
            status: sink.status,
            stored: sink.cache.is_some_and(is_held),
            cache: sink.cache.map(|status| status.to_string()),
            bytes: sink.bytes,
            error: (!sink.is_whole).then(|| "the answer broke off".to_owned()),
        },
        None => {
            let error =
                Some("no address of a site; write it whole, such as https://shop.example/".to_owned());
            Warmed { url, status: 0, cache: None, stored: false, bytes: 0, error }
        }
    }
}

/// Whether the page was held before, or is now.
fn is_held(status: CacheStatus) -> bool {
    match status {
        CacheStatus::Forwarded { kept, .. } => kept.is_ok(),
        CacheStatus::Hit { .. } | CacheStatus::Stale { .. } | CacheStatus::Collapsed { .. } => true,
        CacheStatus::Local { .. } => false,
    }
}

/// One exchange; none where the text is no address.
async fn fetch(worker: &Arc<Worker>, url: &str, mut sink: Sink) -> Option<Sink> {
    let request = imagined(url)?;
    Box::pin(exchange(worker, HERE, &request, &mut NoContent, &mut sink)).await;
    Some(sink)
}
