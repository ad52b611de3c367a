//! A bounded number of bytes for many accounts, of which none can take everything.

use crate::shares::Owner;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that may be taken at once. An account may hold twice what is still free, so whoever comes always
/// finds some: alone it gets two thirds, two that want all get two fifths each, and so on (dynamic thresholds,
/// Choudhury and Hahne 1998).
pub struct Quota {
    most: usize,
    taken: AtomicUsize,
    by_owner: Box<[AtomicUsize]>,
}

impl Quota {
    /// A quota of `most` bytes.
    pub fn new(most: usize) -> Self {
        let by_owner = (0..Owner::COUNT).map(|_| AtomicUsize::new(0)).collect();
        Self { most, taken: AtomicUsize::new(0), by_owner }
    }

    /// Takes bytes; `false` when they are not there for this account.
    pub fn take(&self, owner: Owner, bytes: usize) -> bool {
        let taken = self.taken.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let own = self.by_owner[owner.index()].fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let granted = taken <= self.most && own <= 2 * (self.most - taken);
        if !granted {
            self.give(owner, bytes);
        }
        granted
    }

    /// Gives bytes back that the account had taken.
    pub fn give(&self, owner: Owner, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
        self.by_owner[owner.index()].fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_leaves_room_for_the_next() {
        let quota = Quota::new(90);
        let owners: Vec<_> = (0..4).map(Owner::of_hash).collect();
        let take_all = |owner| (0..90).filter(|_| quota.take(owner, 1)).count();
        let got: Vec<_> = owners.iter().map(|owner| take_all(*owner)).collect();
        assert_eq!(got[0], 60);
        assert!(got[1] > 15 && got[2] > 0, "{got:?}");
        quota.give(owners[0], 60);
        assert!(take_all(owners[3]) > 20);
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_nothing_gets_lost() {
        let quota = Quota::new(300);
        let owner = Owner::of_hash(7);
        for _ in 0..1000 {
            assert!(quota.take(owner, 150));
            assert!(!quota.take(owner, 151));
            quota.give(owner, 150);
        }
    }
}
