//! Asking DNS whether crawlers are who they say, beside the way of requests.

use crate::worker::Shared;
use guard::FETCH_EVERY;
use names::Dns;
use shield::crawlers::{Crawler, Finding};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// Addresses asked for at once.
const AT_ONCE_MAX: usize = 16;
/// How long it may take to find out about one.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Establishes what requests have left open, until the edge stops.
pub(crate) async fn check_crawlers(shared: &Shared, dns: Dns, stopping: CancellationToken) {
    if !shared.guard.asks_for_names() {
        return;
    }
    let (dns, mut running) = (Arc::new(dns), JoinSet::new());
    let mut interval = interval(FETCH_EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return running.shutdown().await,
            Some(done) = running.join_next() => {
                if let Ok((question, finding)) = done {
                    shared.guard.settle_claim(&question, finding, shared.clock.now());
                }
            }
            _ = interval.tick() => {
                while running.len() < AT_ONCE_MAX
                    && let Some((question, crawler)) = shared.guard.next_claim()
                {
                    let (dns, crawler) = (Arc::clone(&dns), crawler.clone());
                    running.spawn(async move { (question, finding(&dns, question.address, &crawler).await) });
                }
            }
        }
    }
}

async fn finding(dns: &Dns, address: IpAddr, crawler: &Crawler) -> Finding {
    match timeout(TIME_MAX, dns.is_whose(address, |name| crawler.has_name(name))).await {
        Ok(Some(true)) => Finding::Confirmed,
        Ok(Some(false)) => Finding::Refuted,
        Ok(None) | Err(_) => Finding::Unknown,
    }
}
