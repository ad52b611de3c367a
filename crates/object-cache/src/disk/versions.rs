//! Which records of a key are outdated though they may still lie on the disk, and which keys may have any.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys whose least fill is remembered. When there are more, the older half is forgotten: a copy that was
/// replaced while it was fresh might then come back after the newer one was lost.
const KEYS_MAX: usize = 65_536;

/// For some keys the least fill whose record may be used.
#[derive(Debug, Default)]
pub(crate) struct Versions(Mutex<HashMap<u64, u64>>);

impl Versions {
    pub(crate) fn new(least: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let versions = Self::default();
        least.into_iter().for_each(|(hash, fill)| versions.raise(hash, fill));
        versions
    }

    /// From now on no record of an earlier fill may be used.
    pub(crate) fn raise(&self, hash: u64, fill: u64) {
        let mut least = self.lock();
        let held = least.entry(hash).or_default();
        *held = fill.max(*held);
        if least.len() > KEYS_MAX {
            let mut fills: Vec<u64> = least.values().copied().collect();
            let middle = fills.len() / 2;
            let median = *fills.select_nth_unstable(middle).1;
            least.retain(|_, fill| *fill > median);
        }
    }

    pub(crate) fn may_use(&self, hash: u64, fill: u64) -> bool {
        self.lock().get(&hash).is_none_or(|least| fill >= *least)
    }

    pub(crate) fn list(&self) -> Vec<(u64, u64)> {
        self.lock().iter().map(|(hash, fill)| (*hash, *fill)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SEEN_BITS: usize = 1 << 23;

/// Which keys this process has put on the disk or taken off it: a bit for each, shared by many.
pub(crate) struct Seen(Box<[AtomicU64]>);

impl Default for Seen {
    fn default() -> Self {
        Self((0..SEEN_BITS / 64).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Seen {
    pub(crate) fn add(&self, hash: u64) {
        let (word, bit) = Self::place(hash);
        self.0[word].fetch_or(bit, Ordering::AcqRel);
    }

    pub(crate) fn contains(&self, hash: u64) -> bool {
        let (word, bit) = Self::place(hash);
        self.0[word].load(Ordering::Acquire) & bit != 0
    }

    fn place(hash: u64) -> (usize, u64) {
        // foyer takes the low bits for its shards; any others are as good.
        let bit = (hash >> 32) as usize % SEEN_BITS;
        (bit / 64, 1 << (bit % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_records_of_the_least_fill_and_later_are_used() {
        let versions = Versions::new([(1, 5), (1, 3)]);
        assert!(!versions.may_use(1, 4) && versions.may_use(1, 5) && versions.may_use(2, 0));
        versions.raise(1, 9);
        assert!(!versions.may_use(1, 8));
        assert_eq!(versions.list(), [(1, 9)]);
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_oldest() {
        let versions = Versions::default();
        (0..2 * KEYS_MAX as u64).for_each(|n| versions.raise(n, n + 1));
        assert!(versions.list().len() <= KEYS_MAX);
        let last = 2 * KEYS_MAX as u64 - 1;
        assert!(!versions.may_use(last, last), "the newest are remembered");
    }

    #[test]
    fn a_key_that_was_seen_is_never_denied() {
        let seen = Seen::default();
        let hash = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (0..1000).for_each(|n| seen.add(hash(n)));
        assert!((0..1000).all(|n| seen.contains(hash(n))));
        assert!((1000..2000).filter(|n| seen.contains(hash(*n))).count() < 10);
    }
}
