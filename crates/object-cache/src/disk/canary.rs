//! Whether what is written arrives: foyer tells nobody when a write fails, so now and then a record is
//! looked for after its write has ended.

use super::room::Taken;
use crate::held::HeldKey;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The least time between two lines in the log about the same trouble.
const LOG_EVERY: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Canary(Mutex<State>);

#[derive(Default)]
struct State {
    /// A record on its way, and how to tell that it is written.
    watched: Option<(HeldKey, super::room::Watch)>,
    logged: Option<Instant>,
}

impl Canary {
    /// Watches a record that is about to be queued, if none is watched. Returns whether the one that was
    /// watched before, and is written by now, `is_there`.
    pub(super) fn pass(
        &self,
        key: &HeldKey,
        taken: &mut Taken,
        is_there: impl FnOnce(&HeldKey) -> bool,
    ) -> bool {
        let mut state = self.lock();
        let arrived = match state.watched.take_if(|(_, watch)| watch.is_over()) {
            Some((written, _)) => is_there(&written),
            None => true,
        };
        if state.watched.is_none() {
            state.watched = Some((key.clone(), taken.watch()));
        }
        arrived
    }

    /// A record that is dropped on purpose is not looked for.
    pub(super) fn forget(&self, key: &HeldKey) {
        let mut state = self.lock();
        state.watched.take_if(|(watched, _)| watched == key);
    }

    /// Whether to log some trouble now.
    pub(super) fn may_log(&self) -> bool {
        let (mut state, now) = (self.lock(), Instant::now());
        let may = state.logged.is_none_or(|logged| now.duration_since(logged) >= LOG_EVERY);
        if may {
            state.logged = Some(now);
        }
        may
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
