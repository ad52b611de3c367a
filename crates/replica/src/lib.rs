//! What an edge keeps on disk to boot alone: generations and rollback counters in LMDB.
//!
//! Owns one directory with one LMDB environment: the parcel the edge serves from, the one before it, and
//! the trust state that keeps old records from displacing newer ones. The only door to heed. Knows nothing
//! of what a parcel proves: whoever loads one verifies it again.
//!
//! Invariants:
//! - [`Replica::keep`] is atomic and durable: after a crash at any point the newest generation is the one
//!   before or the one after, whole, and the trust state is its own.
//! - Each generation carries its SHA-256; a damaged one is never given out, the one before it is.
//! - Sizes are bounded: [`PARCEL_BYTES_MAX`], [`TRUST_BYTES_MAX`], and the file by [`FILE_BYTES_MAX`].
//!
//! All calls block on the disk; an async caller uses a blocking thread.

mod error;
mod file;
mod sealed;
mod store;
mod structure;

pub use error::{Damage, KeepError, LoadError, OpenError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use snapshot::{Parcel, Trust};
use std::path::Path;
use store::{Found, Pair, Store};

/// The largest parcel kept, in bytes of its JSON.
pub const PARCEL_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The largest trust state kept, in bytes of its JSON.
pub const TRUST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most the file may grow to: two generations, a third while it is written, and room to move.
pub const FILE_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// One edge's replica; open at most once per directory in a process.
pub struct Replica {
    store: Store,
}

/// Which generation was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// The newest kept.
    Current,
    /// The one before it: the newest is damaged.
    Previous,
}

/// What the replica held.
#[derive(Debug)]
pub struct Kept {
    /// The newest parcel that is whole, and which generation that is; `None` when none was kept, or
    /// none is whole (then `damage` says so).
    pub parcel: Option<(Parcel, Generation)>,
    /// The newest trust state that is whole; `None` when none was ever kept. When the newest is damaged this is the one before it: older
    /// counters, so treat it with the alarm that `damage` is.
    pub trust: Option<Trust>,
    /// What was found damaged; raise an alarm for each.
    pub damage: Vec<Damage>,
}

impl Replica {
    /// Opens the replica in this directory, making both when they are not there (mode 0700, files 0600).
    ///
    /// # Errors
    /// [`OpenError::Damaged`] when LMDB cannot read its file. What trust state it held is lost with it, so no caller
    /// may go on with a new one by itself: that is for somebody who has compared the log elsewhere.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Ok(Self { store: Store::open(dir, FILE_BYTES_MAX)? })
    }

    /// Reads the newest whole parcel and trust state.
    ///
    /// # Errors
    /// [`LoadError::TrustLost`] when a trust state was kept and none of it is whole. A parcel that is lost is no error:
    /// the feed gives it again, and it proves itself.
    pub fn load(&self) -> Result<Kept, LoadError> {
        let mut damage = Vec::new();
        let parcel = pick(self.store.read(Pair::Parcel)?, "parcel", &mut damage);
        let before = damage.len();
        let trust = pick(self.store.read(Pair::Trust)?, "trust state", &mut damage);
        if let (None, Some(newest)) = (&trust, damage.get(before)) {
            return Err(LoadError::TrustLost { reason: newest.reason.clone() });
        }
        Ok(Kept { parcel, trust: trust.map(|(trust, _)| trust), damage })
    }

    /// Keeps a parcel as the current generation and the trust state reached with it; the current generation
    /// becomes the previous one. A parcel of the same revision as the current one replaces it, and the
    /// previous generation stays.
    pub fn keep(&self, parcel: &Parcel, trust: &Trust) -> Result<(), KeepError> {
        let parcel_json = encode(parcel, "parcel", PARCEL_BYTES_MAX)?;
        let trust_json = encode(trust, "trust state", TRUST_BYTES_MAX)?;
        self.store
            .write(&[(Pair::Parcel, Some(parcel.revision), &parcel_json), (Pair::Trust, None, &trust_json)])
    }

    /// Keeps the trust state alone.
    pub fn keep_trust(&self, trust: &Trust) -> Result<(), KeepError> {
        let json = encode(trust, "trust state", TRUST_BYTES_MAX)?;
        self.store.write(&[(Pair::Trust, None, &json)])
    }
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica").finish_non_exhaustive()
    }
}

fn encode<T: Serialize>(value: &T, what: &'static str, limit: usize) -> Result<Vec<u8>, KeepError> {
    let json = serde_json::to_vec(value)
        .map_err(|error| KeepError::Failed { reason: format!("the {what} has no JSON form: {error}") })?;
    if json.len() > limit {
        return Err(KeepError::TooLarge { what, size: json.len(), limit });
    }
    Ok(json)
}

/// The newest of the generations (newest first) that is whole and understood; all that are not are damage.
fn pick<T: DeserializeOwned>(
    found: Vec<Found>,
    what: &'static str,
    damage: &mut Vec<Damage>,
) -> Option<(T, Generation)> {
    let mut picked = None;
    let mut generation = Generation::Current;
    for candidate in found {
        match candidate.and_then(|body| serde_json::from_slice(&body).map_err(|error| error.to_string())) {
            Ok(value) => picked = picked.or(Some((value, generation))),
            Err(reason) => damage.push(Damage { what, reason }),
        }
        generation = Generation::Previous;
    }
    picked
}

#[cfg(test)]
mod tests;
