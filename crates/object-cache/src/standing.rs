//! How a held response stands to purges: when its fetch began, and when that was last compared.

use std::sync::atomic::{AtomicU64, Ordering};

/// Written before the response is published, and by readers who compare anew: it only ever says what is
/// true, so readers need no order among themselves.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// The number of its fill.
    sequence: AtomicU64,
    /// The stamp of the latest purge when its fill began.
    fetched: AtomicU64,
    /// The generation of purges it was last compared with, doubled, and 1 if it was found to be stale.
    checked: AtomicU64,
}

impl Standing {
    /// Notes from which fill the response is.
    pub(crate) fn set_fill(&self, sequence: u64, fetched: u64) {
        self.sequence.store(sequence, Ordering::Relaxed);
        self.fetched.store(fetched, Ordering::Relaxed);
    }

    #[allow(dead_code, reason = "for the disk")]
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Relaxed)
    }

    pub(crate) fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// Notes that it was compared with the purges of a generation and is not gone.
    pub(crate) fn check(&self, generation: u64, soft: bool) {
        self.checked.store(generation << 1 | u64::from(soft), Ordering::Relaxed);
    }

    /// Whether nothing has hit it up to a generation: the one comparison on every hit.
    pub(crate) fn is_current(&self, generation: u64) -> bool {
        self.checked.load(Ordering::Relaxed) == generation << 1
    }

    /// Whether it was compared with the purges of a generation and found to be stale.
    pub(crate) fn is_soft(&self, generation: u64) -> bool {
        self.checked.load(Ordering::Relaxed) == (generation << 1 | 1)
    }
}
