//! Memory that a connection needs only while it works: borrowed from its worker, given back when idle.

use super::framing::HeadMemory;
use bytes::BytesMut;
use http::HeaderMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Room for what one read takes from a visitor.
pub(crate) const READ_BYTES: usize = 16 * 1024;
/// Room for heads and small content on their way to a visitor.
pub(crate) const WRITE_BYTES: usize = 4 * 1024;
/// Sets that a worker keeps for the next connection that wakes.
const KEPT_MAX: usize = 128;
/// Slots for fields that a kept map may have.
const FIELD_SLOTS_MAX: usize = 256;

/// One connection's working memory.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) read: BytesMut,
    pub(crate) write: BytesMut,
    pub(crate) head: HeadMemory,
}

/// A worker's sets that nobody uses now.
#[derive(Default)]
pub(crate) struct ScratchPool(Mutex<Vec<Scratch>>);

impl ScratchPool {
    /// A set with room in it.
    pub(crate) fn take(&self) -> Scratch {
        let mut scratch = self.kept().pop().unwrap_or_default();
        scratch.read.reserve(READ_BYTES);
        scratch.write.reserve(WRITE_BYTES);
        scratch
    }

    /// Gives a set back; its buffers are emptied.
    pub(crate) fn give(&self, mut scratch: Scratch) {
        scratch.read.clear();
        scratch.write.clear();
        scratch.head.fields.clear();
        if scratch.head.fields.capacity() > FIELD_SLOTS_MAX {
            scratch.head.fields = HeaderMap::new();
        }
        // A block that slices still point into cannot be used again: better none than its rest.
        if !scratch.read.try_reclaim(READ_BYTES) {
            scratch.read = BytesMut::new();
        }
        let mut kept = self.kept();
        if kept.len() < KEPT_MAX {
            kept.push(scratch);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Scratch>> {
        // Sets are whole at each step, so a poisoned list is still good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
