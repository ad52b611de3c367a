//! Figures of the data plane, second by second, for the console.

use crate::Telemetry;
use crate::pages::console::LiveFigures;
use crate::telemetry::Figures;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, Timestamp};

/// Seconds kept for a console that opens.
const HISTORY: usize = 300;
/// Most consoles that watch at once.
const WATCHERS_MAX: usize = 64;
/// Events that a slow console may lag behind before it misses some.
const LAG_MAX: usize = 16;

/// The figures of the last minutes and those who watch them.
pub(crate) struct Live {
    history: Mutex<VecDeque<LiveFigures>>,
    events: broadcast::Sender<LiveEvent>,
    room: Arc<Semaphore>,
}

/// What a console is told.
#[derive(Debug, Clone)]
pub(crate) enum LiveEvent {
    /// The figures of one second.
    Figures(LiveFigures),
    /// Sites or decisions changed.
    Changed,
    /// The server stops.
    End,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            history: Mutex::default(),
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

    /// Events from now on; `None` when too many watch already.
    pub(crate) fn watch(&self) -> Option<(broadcast::Receiver<LiveEvent>, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.room).try_acquire_owned().ok()?;
        Some((self.events.subscribe(), permit))
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
    let mut before = (telemetry.figures(), Instant::now());
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            changed = changes.changed() => match changed {
                Ok(()) => live.tell(LiveEvent::Changed),
                Err(_) => break,
            },
            _ = ticks.tick() => {
                let after = (telemetry.figures(), Instant::now());
                if after.1.duration_since(before.1) >= Duration::from_millis(100) {
                    let span = after.1.duration_since(before.1);
                    live.tell(LiveEvent::Figures(rates(&before.0, &after.0, span, clock.now())));
                    before = after;
                }
            }
        }
    }
    live.tell(LiveEvent::End);
}

fn rates(before: &Figures, after: &Figures, span: Duration, time: Timestamp) -> LiveFigures {
    // A restarted data plane counts from 0 again.
    let grown = |before: u64, after: u64| after.checked_sub(before).unwrap_or(after);
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
