//! Reads from the disk under way: one for each key, whoever waits for it, and not too many.

use super::record::Payload;
use crate::held::HeldKey;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most reads at once. Where the disk is behind by so many, more would only wait.
pub(super) const LOADS_MAX: usize = 256;

/// What a read has brought.
#[derive(Clone)]
pub(crate) enum Loaded {
    Record {
        /// The fill that wrote it.
        written: u64,
        payload: Payload,
    },
    Absent,
    Failed,
}

pub(super) type Load = Shared<BoxFuture<'static, Loaded>>;

#[derive(Clone, Default)]
pub(super) struct Loads(Arc<Mutex<HashMap<HeldKey, Load>>>);

impl Loads {
    /// The read of a key, begun by `begin` unless there is one. None where there are too many.
    pub(super) fn join(
        &self,
        key: &HeldKey,
        begin: impl FnOnce(Listing) -> BoxFuture<'static, Loaded>,
    ) -> Option<Load> {
        let mut loads = self.lock();
        if let Some(load) = loads.get(key) {
            return Some(load.clone());
        }
        if loads.len() >= LOADS_MAX {
            return None;
        }
        let load = begin(Listing { loads: self.clone(), key: key.clone() }).shared();
        loads.insert(key.clone(), load.clone());
        Some(load)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<HeldKey, Load>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a read among those under way, until it ends.
pub(super) struct Listing {
    loads: Loads,
    key: HeldKey,
}

impl Drop for Listing {
    fn drop(&mut self) {
        // Bound first: what is removed is dropped after the lock.
        let removed = self.loads.lock().remove(&self.key);
        drop(removed);
    }
}
