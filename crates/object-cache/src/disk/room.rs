//! The bound on what waits to be written.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;

/// Bytes that may wait to be written at once.
#[derive(Debug)]
pub(crate) struct Room {
    taken: AtomicUsize,
    capacity: usize,
    given: Notify,
}

impl Room {
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), capacity, given: Notify::new() })
    }

    /// Takes room now, or not at all.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize) -> Option<Taken> {
        let fits = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= self.capacity);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).ok()?;
        Some(Taken { room: self.clone(), bytes, watched: None })
    }

    /// Takes room, if it is there within `patience`.
    pub(crate) async fn wait(self: &Arc<Self>, bytes: usize, patience: Duration) -> Option<Taken> {
        let taking = async {
            loop {
                let given = self.given.notified();
                if let Some(taken) = self.take(bytes) {
                    return taken;
                }
                given.await;
            }
        };
        tokio::time::timeout(patience, taking).await.ok()
    }

    /// Bytes that wait.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

/// Room that is given back when the record that it was taken for has been written or dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    room: Arc<Room>,
    bytes: usize,
    watched: Option<Arc<()>>,
}

impl Taken {
    /// Tells when this is given back.
    pub(crate) fn watch(&mut self) -> Watch {
        Watch(Arc::downgrade(self.watched.get_or_insert_default()))
    }
}

/// Sees room be given back.
pub(crate) struct Watch(Weak<()>);

impl Watch {
    pub(crate) fn is_over(&self) -> bool {
        self.0.strong_count() == 0
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.bytes, Ordering::AcqRel);
        self.room.given.notify_waiters();
    }
}
