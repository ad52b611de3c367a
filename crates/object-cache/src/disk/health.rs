//! Whether the disk is worth waiting for: after some failures in a row it is left alone for a while, so that
//! a slow or broken disk costs each visitor nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Loads that fail or come late in a row before the disk is left alone.
const FAILURES_MAX: u32 = 3;
/// How long it is left alone.
const REST: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    rests_until: Option<Instant>,
}

impl Health {
    /// Whether to ask the disk now. After a rest one asker goes first, and the others when it was answered.
    pub(crate) fn may_ask(&self, now: Instant) -> bool {
        let mut state = self.lock();
        match state.rests_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.rests_until = Some(now + REST);
                true
            }
        }
    }

    /// The disk answered in time.
    pub(crate) fn answered(&self) {
        let mut state = self.lock();
        if state.rests_until.is_some() {
            tracing::info!("the cache disk answers again");
        }
        *state = State::default();
    }

    /// The disk failed or was late. Logs once when it is left alone.
    pub(crate) fn failed(&self, now: Instant, how: &str) {
        let mut state = self.lock();
        state.failures += 1;
        if state.failures >= FAILURES_MAX && state.rests_until.is_none_or(|until| until <= now) {
            tracing::warn!(how, rest_seconds = REST.as_secs(), "the cache disk fails and is left alone");
            state.rests_until = Some(now + REST);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failing_disk_is_left_alone_and_then_tried_by_one() {
        let health = Health::default();
        for _ in 1..FAILURES_MAX {
            health.failed(Instant::now(), "slow");
        }
        assert!(health.may_ask(Instant::now()), "not yet");
        health.answered();
        for _ in 0..FAILURES_MAX {
            assert!(health.may_ask(Instant::now()));
            health.failed(Instant::now(), "slow");
        }
        assert!(!health.may_ask(Instant::now()));
        tokio::time::advance(REST).await;
        assert!(health.may_ask(Instant::now()), "one tries");
        assert!(!health.may_ask(Instant::now()), "the others wait for it");
        health.answered();
        assert!(health.may_ask(Instant::now()));
    }
}
