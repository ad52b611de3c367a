//! Figures of the data plane, second by second, for the console.

mod sites;

use crate::Telemetry;
use crate::pages::cache::CacheFigures;
use crate::pages::console::LiveFigures;
use crate::telemetry::{Figures, SiteFigures};
use sites::SiteHistories;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, SiteId, Timestamp};

/// Seconds kept for a console that opens.
const HISTORY: usize = 300;
/// Most consoles that watch at once.
const WATCHERS_MAX: usize = 64;
/// Events that a slow console may lag behind before it misses some.
const LAG_MAX: usize = 32;

/// The figures of the last minutes and those who watch them.
pub(crate) struct Live {
    history: Mutex<VecDeque<LiveFigures>>,
    sites: Mutex<SiteHistories>,
    /// The counters as they were last read.
    counters: Mutex<Arc<Figures>>,
    events: broadcast::Sender<LiveEvent>,
    room: Arc<Semaphore>,
}

/// What a console is told.
#[derive(Debug, Clone)]
pub(crate) enum LiveEvent {
    /// The figures of one second.
    Figures(LiveFigures),
    /// The same of every site that is visited.
    Sites(Arc<BTreeMap<SiteId, CacheFigures>>),
    /// A purge was kept, or an edge holds another one.
    Purged,
    /// Sites or decisions changed.
    Changed,
    /// The server stops.
    End,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            history: Mutex::default(),
            sites: Mutex::default(),
            counters: Mutex::default(),
            events: broadcast::channel(LAG_MAX).0,
            room: Arc::new(Semaphore::new(WATCHERS_MAX)),
        }
    }
}

impl Live {
    /// The figures of the last second.
    pub(crate) fn last(&self) -> Option<LiveFigures> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).back().cloned()
    }

    /// The figures of the last minutes, the oldest first.
    pub(crate) fn history(&self) -> Vec<LiveFigures> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The figures of one site over the last minutes, the oldest first.
    pub(crate) fn site_history(&self, site: SiteId) -> Vec<CacheFigures> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner).of(site)
    }

    /// One site's counters as they were last read; none before it is served.
    pub(crate) fn site_counters(&self, site: SiteId) -> Option<SiteFigures> {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone();
        counters.sites.iter().find(|figures| figures.site == site).cloned()
    }

    /// Tells the consoles that something about purges is new.
    pub(crate) fn purged(&self) {
        self.tell(LiveEvent::Purged);
    }

    /// Events from now on; `None` when too many watch already.
    pub(crate) fn watch(&self) -> Option<(broadcast::Receiver<LiveEvent>, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.room).try_acquire_owned().ok()?;
        Some((self.events.subscribe(), permit))
    }

    fn count(&self, counters: Arc<Figures>) {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner) = counters;
    }

    fn tell_sites(&self, figures: BTreeMap<SiteId, CacheFigures>) {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner).keep(&figures);
        self.tell(LiveEvent::Sites(Arc::new(figures)));
    }

    fn tell(&self, event: LiveEvent) {
        if let LiveEvent::Figures(figures) = &event {
            let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
            if history.len() >= HISTORY {
                history.pop_front();
            }
            history.push_back(figures.clone());
        }
        // Nobody may be watching.
        let _ = self.events.send(event);
    }
}

/// Reads the counters each second and tells the consoles, until stopped.
pub(crate) async fn run(
    live: &Live,
    telemetry: Arc<dyn Telemetry>,
    clock: Arc<dyn Clock>,
    mut changes: watch::Receiver<u64>,
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut before = (Arc::new(telemetry.figures()), Instant::now());
    live.count(Arc::clone(&before.0));
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            changed = changes.changed() => match changed {
                Ok(()) => live.tell(LiveEvent::Changed),
                Err(_) => break,
            },
            _ = ticks.tick() => {
                let after = (Arc::new(telemetry.figures()), Instant::now());
                if after.1.duration_since(before.1) >= Duration::from_millis(100) {
                    let span = after.1.duration_since(before.1);
                    let now = clock.now();
                    live.tell(LiveEvent::Figures(rates(&before.0, &after.0, span, now)));
                    live.tell_sites(sites::rates(&before.0.sites, &after.0.sites, span, now));
                    live.count(Arc::clone(&after.0));
                    before = after;
                }
            }
        }
    }
    live.tell(LiveEvent::End);
}

fn rates(before: &Figures, after: &Figures, span: Duration, time: Timestamp) -> LiveFigures {
    let per_second = |before: u64, after: u64| grown(before, after) as f64 / span.as_secs_f64();
    let (hits, misses) = (grown(before.hits, after.hits), grown(before.misses, after.misses));
    let looked_up = hits.saturating_add(misses);
    LiveFigures {
        time,
        requests_per_second: per_second(before.requests, after.requests),
        hit_share: (looked_up > 0).then(|| hits as f64 / looked_up as f64),
        bytes_per_second: per_second(before.bytes, after.bytes),
        open_connections: after.open_connections,
        blocked_per_second: per_second(before.blocked, after.blocked),
    }
}

/// How much a counter grew; a restarted data plane counts from 0 again.
fn grown(before: u64, after: u64) -> u64 {
    after.checked_sub(before).unwrap_or(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_differences_over_time() {
        let before = Figures { requests: 100, hits: 10, misses: 10, bytes: 1_000, ..Figures::default() };
        let after = Figures {
            requests: 300,
            hits: 40,
            misses: 20,
            bytes: 5_000,
            open_connections: 7,
            ..before.clone()
        };
        let now = Timestamp::from_secs(1_700_000_000);
        let rates = rates(&before, &after, Duration::from_secs(2), now);
        assert_eq!(rates.requests_per_second, 100.0);
        assert_eq!(rates.hit_share, Some(0.75));
        assert_eq!(rates.bytes_per_second, 2_000.0);
        assert_eq!(rates.open_connections, 7);
        let restarted = super::rates(&after, &before, Duration::from_secs(1), now);
        assert_eq!(restarted.requests_per_second, 100.0);
    }
}
