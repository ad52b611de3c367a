//! Fair shares of the memory between accounts.
//!
//! An account may hold as much as it brings, until others go short: those that wanted a good part of the
//! memory lately and were denied as much. From then on who holds more than the memory divided by all of them
//! gets nothing new in, and so falls back to its share as theirs comes in. What nobody else wants is kept
//! from nobody, and what nobody asks for any more is no claim.
//!
//! Pure: bytes and times come from outside. Bounded: accounts share [`SLOTS`] places by a keyed hash; two in
//! one place share its share.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Places for accounts.
const SLOTS: usize = 4096;
/// How long wishes and denials are gathered before they are weighed; each counts for two of these.
const WINDOW: Duration = Duration::from_secs(30);
/// Below this part of the memory a wish is too small to limit others for.
const CLAIM_PART: u64 = 128;

/// The place of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner(u16);

impl Owner {
    /// The place for a keyed hash of an account.
    pub(crate) fn of_hash(hash: u64) -> Self {
        Self((hash % SLOTS as u64) as u16)
    }

    /// Its number, below [`Owner::COUNT`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// How many places there are.
    pub const COUNT: usize = SLOTS;
}

/// Who holds, wants and lacks how much.
pub(crate) struct Shares {
    capacity: u64,
    slots: Box<[Slot]>,
    claimants: AtomicUsize,
    weighed: Mutex<Instant>,
}

/// Sums of bytes of one place; the pairs are of this window and the one before.
#[derive(Default)]
struct Slot {
    held: AtomicU64,
    wanted: [AtomicU64; 2],
    denied: [AtomicU64; 2],
    claims: AtomicBool,
}

impl Shares {
    pub(crate) fn new(capacity: usize, now: Instant) -> Self {
        Self {
            capacity: capacity as u64,
            slots: (0..SLOTS).map(|_| Slot::default()).collect(),
            claimants: AtomicUsize::new(0),
            weighed: Mutex::new(now),
        }
    }

    /// Whether an account may have something new in the memory. Counts as a wish, and where not, as denied.
    pub(crate) fn admits(&self, owner: Owner, bytes: usize, now: Instant) -> bool {
        self.weigh(now);
        let (slot, bytes) = (&self.slots[owner.index()], bytes as u64);
        slot.wanted[0].fetch_add(bytes, Ordering::Relaxed);
        let claims = usize::from(slot.claims.load(Ordering::Relaxed));
        let others = self.claimants.load(Ordering::Relaxed).saturating_sub(claims) as u64;
        let admits = others == 0 || slot.held.load(Ordering::Relaxed) + bytes <= self.capacity / (others + 1);
        if !admits {
            slot.denied[0].fetch_add(bytes, Ordering::Relaxed);
        }
        admits
    }

    /// Bytes came in.
    pub(crate) fn came(&self, owner: Owner, bytes: usize) {
        self.slots[owner.index()].held.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes left; `evicted`: to make room for others.
    pub(crate) fn left(&self, owner: Owner, bytes: usize, evicted: bool) {
        let slot = &self.slots[owner.index()];
        slot.held.fetch_sub(bytes as u64, Ordering::Relaxed);
        if evicted {
            slot.denied[0].fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// Once a window: whose wishes of the last two were large and not met.
    fn weigh(&self, now: Instant) {
        let Ok(mut weighed) = self.weighed.try_lock() else { return };
        let past = now.saturating_duration_since(*weighed);
        if past < WINDOW {
            return;
        }
        *weighed = now;
        // After a long silence the window before says nothing about now.
        let silent = past >= 2 * WINDOW;
        let least = self.capacity / CLAIM_PART;
        let mut claimants = 0;
        for slot in &self.slots {
            let claims = [&slot.wanted, &slot.denied].into_iter().all(|pair| turn(pair, silent) > least);
            slot.claims.store(claims, Ordering::Relaxed);
            claimants += usize::from(claims);
        }
        self.claimants.store(claimants, Ordering::Relaxed);
    }
}

/// The sum of both windows; this one becomes the one before.
fn turn([current, before]: &[AtomicU64; 2], silent: bool) -> u64 {
    let ended = current.swap(0, Ordering::Relaxed);
    let before = before.swap(ended, Ordering::Relaxed);
    if silent { ended } else { ended + before }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;
    const ONE: Owner = Owner(1);
    const TWO: Owner = Owner(2);

    /// A memory in which [`ONE`] holds everything.
    fn crowded(now: Instant) -> Shares {
        let shares = Shares::new(128 * MIB, now);
        assert!(shares.admits(ONE, 128 * MIB, now));
        shares.came(ONE, 128 * MIB);
        shares
    }

    #[tokio::test]
    async fn who_wants_alone_may_have_it_all() {
        let now = Instant::now();
        let shares = crowded(now);
        for windows in 1..5 {
            let later = now + windows * WINDOW;
            assert!(shares.admits(ONE, MIB, later));
            shares.left(ONE, MIB, true);
            shares.came(ONE, MIB);
        }
    }

    #[tokio::test]
    async fn who_goes_short_gets_a_half_and_who_has_more_gets_nothing_new_meanwhile() {
        let now = Instant::now();
        let shares = crowded(now);
        // Two's bytes come in and are pushed out again.
        assert!(shares.admits(TWO, 4 * MIB, now));
        shares.came(TWO, 4 * MIB);
        shares.left(TWO, 4 * MIB, true);
        let later = now + WINDOW;
        assert!(!shares.admits(ONE, MIB, later));
        shares.left(ONE, 65 * MIB, false);
        assert!(shares.admits(ONE, MIB, later), "within its half");
        assert!(!shares.admits(ONE, 2 * MIB, later));
        assert!(shares.admits(TWO, 64 * MIB, later));
        assert!(!shares.admits(ONE, 64 * MIB, later));
        // One was denied much too by now, so Two is held to its half as well.
        assert!(!shares.admits(TWO, 65 * MIB, later + WINDOW));
        assert!(shares.admits(TWO, 64 * MIB, later + WINDOW));
    }

    #[tokio::test]
    async fn small_wishes_old_ones_and_those_that_are_met_limit_nobody() {
        let now = Instant::now();
        let small = crowded(now);
        assert!(small.admits(TWO, MIB / 2, now));
        small.left(TWO, 0, true);
        assert!(small.admits(ONE, MIB, now + WINDOW));

        let met = crowded(now);
        assert!(met.admits(TWO, 4 * MIB, now));
        assert!(met.admits(ONE, MIB, now + WINDOW));

        let old = crowded(now);
        assert!(old.admits(TWO, 4 * MIB, now));
        old.came(TWO, 4 * MIB);
        old.left(TWO, 4 * MIB, true);
        assert!(!old.admits(ONE, MIB, now + WINDOW));
        assert!(!old.admits(ONE, MIB, now + 2 * WINDOW), "it counts for two windows");
        assert!(old.admits(ONE, MIB, now + 3 * WINDOW));
        old.admits(TWO, 4 * MIB, now + 3 * WINDOW);
        old.came(TWO, 4 * MIB);
        old.left(TWO, 4 * MIB, true);
        assert!(!old.admits(ONE, MIB, now + 4 * WINDOW));
        assert!(old.admits(ONE, MIB, now + 20 * WINDOW), "long ago");
    }
}
