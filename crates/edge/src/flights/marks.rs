//! Marks on keys that stand for a while: which keys are not to be collapsed, which origins were away.
//!
//! A mark is a hint and no promise: the table is bounded and forgets. Two keys may share a mark by chance,
//! which costs a request to an origin and nothing else.

use caching::KeyRef;
use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use vocabulary::{SiteId, Timestamp};

const SHARDS: usize = 64;
/// Marks of one shard; where there is no room an old one goes.
pub(crate) const MARKS_MAX: usize = 1024;

/// Until when the marks of one shard stand. They are found by what is a hash already, so another one is made for little.
type Shard = HashMap<u64, Timestamp, foldhash::fast::RandomState>;

/// A bounded set of marked keys.
pub(crate) struct Marks {
    /// Keyed with a secret of this process: nobody can aim at another's mark.
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    lasts: Duration,
}

impl Marks {
    /// Marks that stand for so long.
    pub(crate) fn lasting(lasts: Duration) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::default(), shards, lasts }
    }

    /// What a key's marks are found by.
    pub(crate) fn of_key(&self, key: &KeyRef<'_>) -> Marked<'_> {
        self.marked(key.with_bytes(|bytes| self.hasher.hash_one(bytes)))
    }

    /// What a whole site's mark is found by.
    pub(crate) fn of_site(&self, site: SiteId) -> Marked<'_> {
        self.marked(self.hasher.hash_one(site.as_bytes()))
    }

    fn marked(&self, hash: u64) -> Marked<'_> {
        Marked { marks: self, hash }
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        let shard = hash as usize % SHARDS;
        // Entries are written whole, so a poisoned map is still good.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one mark.
#[derive(Clone, Copy)]
pub(crate) struct Marked<'a> {
    marks: &'a Marks,
    hash: u64,
}

impl Marked<'_> {
    /// Whether the mark stands.
    pub(crate) fn stands(self, now: Timestamp) -> bool {
        self.marks.shard(self.hash).get(&self.hash).is_some_and(|until| *until > now)
    }

    /// Sets the mark anew.
    pub(crate) fn set(self, now: Timestamp) {
        let mut shard = self.marks.shard(self.hash);
        if shard.len() >= MARKS_MAX && !shard.contains_key(&self.hash) {
            shard.retain(|_, until| *until > now);
            let crowded = (shard.len() >= MARKS_MAX).then(|| shard.keys().next().copied()).flatten();
            if let Some(other) = crowded {
                shard.remove(&other);
            }
        }
        shard.insert(self.hash, now.plus(self.marks.lasts));
    }

    /// Takes the mark away.
    pub(crate) fn lift(self) {
        self.marks.shard(self.hash).remove(&self.hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caching::Scheme;

    fn key(target: &str) -> KeyRef<'_> {
        KeyRef::of_target(SiteId::from_bytes([7; 16]), Scheme::Http, "a.test", target.as_bytes())
    }

    #[test]
    fn marks_end_with_their_time_and_their_number_is_bounded() {
        let marks = Marks::lasting(Duration::from_secs(120));
        let now = Timestamp::from_secs(1_000);
        let (one, two) = (key("/1"), key("/2"));
        marks.of_key(&one).set(now);
        assert!(marks.of_key(&one).stands(now.plus(Duration::from_secs(119))));
        assert!(!marks.of_key(&one).stands(now.plus(Duration::from_secs(120))));
        assert!(!marks.of_key(&two).stands(now));
        marks.of_key(&one).lift();
        assert!(!marks.of_key(&one).stands(now));
        for n in 0..2 * SHARDS * MARKS_MAX {
            marks.of_key(&key(&n.to_string())).set(now);
        }
        let held: usize = marks.shards.iter().map(|shard| shard.lock().expect("whole").len()).sum();
        assert!(held <= SHARDS * MARKS_MAX && held > SHARDS * MARKS_MAX / 2, "{held}");
    }
}
