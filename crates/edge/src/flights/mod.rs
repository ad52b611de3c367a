//! Flights: requests to origins that are under way for the cache, each shared by all who want its answer.
//!
//! Owns who leads and who follows, and which keys are not to be collapsed. Knows nothing of how an answer is
//! fetched or stored; that is the fill's.
//!
//! Invariants: at most one listed flight for a key and variant; a flight is listed until what it brought is
//! in the store, or will never be; the table is bounded, and where it is full everyone goes alone.

mod admission;
mod flight;
mod marks;
mod window;

pub(crate) use admission::Admission;
pub(crate) use flight::{Arriving, Flight, Landed, Part, Reader};
pub(crate) use marks::Marks;

use crate::reasons::Reason;
use caching::{Key, KeyRef};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const SHARDS: usize = 64;
/// Listed flights of one shard.
pub(crate) const LISTED_MAX: usize = 256;
/// How long requests of a key go alone, once an answer was not for everyone.
pub(crate) const ALONE_TIME: Duration = Duration::from_secs(120);
/// How long an origin is not asked for slices of a key again.
pub(crate) const RANGELESS_TIME: Duration = Duration::from_secs(600);
/// How long stale copies are sent without asking an origin that has just failed.
pub(crate) const AWAY_TIME: Duration = Duration::from_secs(2);

/// All flights of a process.
pub(crate) struct Flights {
    hasher: RandomState,
    shards: Box<[Mutex<Listed>]>,
    /// Keys whose requests go alone.
    pub(crate) alone: Marks,
    /// New addresses that sites may have stored.
    pub(crate) admission: Admission,
    /// Keys whose origin does not answer ranges in a way that parts of it can be kept.
    pub(crate) rangeless: Marks,
    /// Sites whose origins could not be reached, and keys for which they failed, just now.
    pub(crate) away: Marks,
}

/// What a flight is for: a key, and of its variants the one that this normalised `Accept-Encoding` selects,
/// where it is known to have several.
#[derive(Clone, PartialEq, Eq, Hash)]
struct FlightKey {
    key: Key,
    variant: &'static str,
}

/// The flights of one shard.
type Listed = HashMap<FlightKey, Arc<Flight>>;

/// How a request takes part.
pub(crate) enum Joined {
    /// It is the first: someone has to start the fill with this listing.
    Leads(Reader, Listing),
    /// Another was first.
    Follows(Reader),
    /// There is no flight to join, and none may be listed: it goes alone.
    Closed,
}

impl Default for Flights {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            alone: Marks::lasting(ALONE_TIME),
            admission: Admission::default(),
            rangeless: Marks::lasting(RANGELESS_TIME),
            away: Marks::lasting(AWAY_TIME),
        }
    }
}

impl Flights {
    /// Joins the flight for a key, or lists a new one.
    pub(crate) fn join(self: &Arc<Self>, key: &KeyRef<'_>, variant: &'static str) -> Joined {
        let key = FlightKey { key: key.to_key(), variant };
        let mut shard = self.shard(&key);
        if let Some(flight) = shard.get(&key) {
            return Reader::join(flight).map_or(Joined::Closed, Joined::Follows);
        }
        match self.list(&mut shard, key) {
            Some(listing) => {
                Reader::join(&listing.flight).map_or(Joined::Closed, |reader| Joined::Leads(reader, listing))
            }
            None => Joined::Closed,
        }
    }

    /// Lists a flight that nobody waits for; none where there is one already.
    pub(crate) fn list_unread(self: &Arc<Self>, key: &KeyRef<'_>, variant: &'static str) -> Option<Listing> {
        let key = FlightKey { key: key.to_key(), variant };
        let mut shard = self.shard(&key);
        if shard.contains_key(&key) { None } else { self.list(&mut shard, key) }
    }

    /// A flight that nobody else may join.
    pub(crate) fn unlisted() -> Option<(Reader, Listing)> {
        let flight = Arc::<Flight>::default();
        Reader::join(&flight).map(|reader| (reader, Listing { flight, listed: None }))
    }

    /// From here on nobody joins a flight that has begun before: what it brings may be older than a purge.
    pub(crate) fn close_all(&self) {
        for shard in 0..SHARDS {
            self.locked(shard).clear();
        }
    }

    /// From here on nobody joins a flight of this key that has begun before: what it brings may be older than
    /// the change that made what was stored unusable.
    pub(crate) fn close(&self, key: &KeyRef<'_>) {
        let key = key.to_key();
        let shard = self.shard_of(&key);
        self.locked(shard).retain(|flight, _| flight.key != key);
    }

    fn list(self: &Arc<Self>, shard: &mut Listed, key: FlightKey) -> Option<Listing> {
        if shard.len() >= LISTED_MAX {
            return None;
        }
        let flight = Arc::<Flight>::default();
        shard.insert(key.clone(), Arc::clone(&flight));
        Some(Listing { flight, listed: Some((Arc::clone(self), key)) })
    }

    fn shard(&self, key: &FlightKey) -> MutexGuard<'_, Listed> {
        self.locked(self.shard_of(&key.key))
    }

    /// All variants of a key lie in one shard.
    fn shard_of(&self, key: &Key) -> usize {
        self.hasher.hash_one(key.as_bytes()) as usize % SHARDS
    }

    fn locked(&self, shard: usize) -> MutexGuard<'_, Listed> {
        // Entries go in and out whole, so a poisoned map is still good.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A flight's entry in the table, held by its fill. Dropped, the flight is over and others may begin.
pub(crate) struct Listing {
    flight: Arc<Flight>,
    listed: Option<(Arc<Flights>, FlightKey)>,
}

impl Listing {
    /// The flight.
    pub(crate) fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        if let Some((flights, key)) = &self.listed {
            let mut shard = flights.shard(key);
            if shard.get(key).is_some_and(|listed| Arc::ptr_eq(listed, &self.flight)) {
                shard.remove(key);
            }
        }
        // Counts only where the fill was dropped before it came to an end: the process winds down.
        self.flight.end(Err(Reason::Shutdown));
    }
}
