//! Which keys were dropped of late, so that a fetch begun before is not stored (RFC 9111 §4.4).
//!
//! Keys share stripes. A stripe remembers its last drops one by one: were it to count them only, a site with
//! many state-changing requests would have other keys' fetches refused too. A fetch so slow that its stripe
//! has forgotten some of them is refused.

use std::sync::MutexGuard;

/// Drops remembered one by one in each stripe.
const REMEMBERED: u64 = 16;

/// The drops of one stripe.
#[derive(Default)]
pub(crate) struct Drops {
    count: u64,
    /// Hashes of the latest keys, each in the place of its number.
    latest: [u64; REMEMBERED as usize],
}

impl Drops {
    fn place(number: u64) -> usize {
        (number % REMEMBERED) as usize
    }

    fn note(&mut self, hash: u64) {
        self.latest[Self::place(self.count)] = hash;
        self.count += 1;
    }

    /// Every key of the stripe counts as dropped.
    pub(crate) fn note_all(&mut self) {
        self.count += REMEMBERED + 1;
    }

    fn hit_since(&self, count: u64, hash: u64) -> bool {
        self.count - count > REMEMBERED
            || (count..self.count).any(|number| self.latest[Self::place(number)] == hash)
    }
}

/// A key's stripe, locked: one writer at a time, so that two variants stored at once are both kept.
pub(crate) struct Stripe<'a> {
    pub(crate) drops: MutexGuard<'a, Drops>,
    /// The key's hash.
    pub(crate) hash: u64,
}

impl Stripe<'_> {
    /// How many drops there have been: what a fetch that begins now remembers.
    pub(crate) fn count(&self) -> u64 {
        self.drops.count
    }

    /// The key was dropped.
    pub(crate) fn note(&mut self) {
        self.drops.note(self.hash);
    }

    /// Whether the key was, or may have been, dropped since there were `count` drops.
    pub(crate) fn hit_since(&self, count: u64) -> bool {
        self.drops.hit_since(count, self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_dropped_key_counts_until_the_stripe_forgets() {
        let mut drops = Drops::default();
        drops.note(7);
        assert!(drops.hit_since(0, 7) && !drops.hit_since(0, 8));
        assert!(!drops.hit_since(1, 7), "dropped before the fetch began");
        (0..REMEMBERED - 1).for_each(|hash| drops.note(100 + hash));
        assert!(drops.hit_since(0, 7) && !drops.hit_since(0, 8));
        drops.note(9);
        assert!(drops.hit_since(0, 8), "one drop is forgotten, and it may have been this key's");
        assert!(!drops.hit_since(1, 8));
        let before = drops.count;
        drops.note_all();
        assert!(drops.hit_since(before, 8));
    }
}
