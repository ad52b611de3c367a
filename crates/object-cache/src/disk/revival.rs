//! Opening foyer anew where it loses what it is given.
//!
//! foyer's flusher (0.22.6) does not outlive every write that fails: one that is cut off while a tombstone is written has
//! it lose each later batch, or end. What lies on the disk is as good as after a crash then, so foyer is opened again from
//! its own files, while lookups go on.
//!
//! Invariant: two of foyer's writers never have the files at the same time.

use super::open::build;
use super::{CLOSE_TIME_MAX, DiskStore, Hybrid};
use crate::counters::count;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Records lost one after the other before foyer is opened anew.
const LOST_MAX: u32 = 3;
/// The least time between two attempts.
const ATTEMPT_EVERY: Duration = Duration::from_secs(5);

/// What ends once foyer has let go of its files.
type Closing = BoxFuture<'static, foyer::Result<()>>;

/// What is known of losses, and of attempts to end them.
#[derive(Default)]
pub(super) struct Revival {
    losses: Mutex<Losses>,
    /// The closing that is not over yet. foyer says of a second one at once that all is closed, whatever it still writes.
    closing: tokio::sync::Mutex<Option<Closing>>,
    is_under_way: AtomicBool,
}

#[derive(Debug, Default)]
struct Losses {
    /// In a row.
    lost: u32,
    attempted: Option<Instant>,
}

impl Revival {
    /// A record that was written is there.
    pub(super) fn arrives(&self) {
        self.losses().lost = 0;
    }

    /// One is not. Whether to open foyer anew now.
    fn loses(&self, now: Instant) -> bool {
        let mut losses = self.losses();
        losses.lost = losses.lost.saturating_add(1);
        let is_time = losses.attempted.is_none_or(|at| now.duration_since(at) >= ATTEMPT_EVERY);
        if losses.lost < LOST_MAX || !is_time || self.is_under_way.swap(true, Ordering::AcqRel) {
            return false;
        }
        losses.attempted = Some(now);
        true
    }

    /// Whether nothing can be written at the moment.
    pub(super) fn is_under_way(&self) -> bool {
        self.is_under_way.load(Ordering::Acquire)
    }

    /// Returns once foyer has let go of its files, or says why it has not; a closing that takes longer goes on, and the
    /// next attempt waits for the same.
    async fn closed(&self, begin: impl FnOnce() -> Closing) -> Result<(), String> {
        let mut slot = self.closing.lock().await;
        let closing = slot.get_or_insert_with(begin);
        let closed = tokio::time::timeout(CLOSE_TIME_MAX, closing).await;
        let closed = closed.map_err(|_| "what is open does not close in time")?;
        *slot = None;
        closed.map_err(|error| error.to_string())
    }

    fn ends(&self) {
        self.losses().lost = 0;
        self.is_under_way.store(false, Ordering::Release);
    }

    /// Numbers are whole at each step, so a poisoned lock is still good.
    fn losses(&self) -> MutexGuard<'_, Losses> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiskStore {
    /// A record was lost: after some of them foyer is opened anew.
    pub(super) fn loses(self: &Arc<Self>) {
        if self.revival.loses(Instant::now()) {
            let disk = self.clone();
            drop(self.spawner.spawn(async move {
                match disk.open_anew().await {
                    Ok(()) => tracing::warn!("the cache disk has lost records and was opened anew"),
                    Err(why) => {
                        tracing::error!(why, "the cache disk loses records and cannot be opened anew")
                    }
                }
                disk.revival.ends();
            }));
        }
    }

    async fn open_anew(&self) -> Result<(), String> {
        self.revival
            .closed(|| {
                let old = self.hybrid();
                // On its own, so that it goes on while nobody waits for it.
                let closing = self.spawner.spawn(async move { old.close().await });
                closing.map(|closed| closed.and_then(|closed| closed)).boxed()
            })
            .await?;
        let (objects, layout) = (self.folder.objects(), self.layout);
        let new = build(objects, layout, self.hasher.clone(), &self.reinsertion, self.spawner.clone()).await;
        self.replace(new.map_err(|error| error.to_string())?);
        count(&self.counters.disk_reopenings);
        Ok(())
    }

    fn replace(&self, new: Hybrid) {
        // What is being handed over goes to the old one, and is lost with it.
        let _order = self.handed_over();
        *self.hybrid.write().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_files_are_free_only_when_the_first_closing_is_over() {
        let (revival, (end, ended)) = (Revival::default(), tokio::sync::oneshot::channel::<()>());
        let slow = || {
            let ended = async {
                let _ = ended.await;
                Ok(())
            };
            ended.boxed()
        };
        assert!(revival.closed(slow).await.is_err(), "it takes too long");
        let at_once = || async { Ok(()) }.boxed();
        assert!(revival.closed(at_once).await.is_err(), "the first one still writes");
        end.send(()).expect("it goes on");
        assert_eq!(revival.closed(at_once).await, Ok(()));
        assert_eq!(revival.closed(at_once).await, Ok(()), "another one is another closing");
    }

    #[tokio::test(start_paused = true)]
    async fn some_losses_in_a_row_have_it_opened_anew_and_not_too_often() {
        let revival = Revival::default();
        let lost = |times: u32| (0..times).filter(|_| revival.loses(Instant::now())).count();
        assert_eq!(lost(LOST_MAX - 1), 0);
        revival.arrives();
        assert_eq!((lost(LOST_MAX - 1), lost(1), lost(9)), (0, 1, 0), "one attempt at a time");
        assert!(revival.is_under_way());
        revival.ends();
        assert_eq!(lost(9), 0, "and not at once again");
        tokio::time::advance(ATTEMPT_EVERY).await;
        assert_eq!(lost(1), 1);
    }
}
