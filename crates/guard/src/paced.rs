//! Visitors who cannot pass a challenge, and are let through slowly: a table of fixed size.
//!
//! Where a set is full, the one whose time ends first makes room: it is challenged again.

use shield::budgets::Prefix;
use siphasher::sip::SipHasher13;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use vocabulary::{Random, SiteId, Timestamp};

/// How long a slow pass counts, in seconds.
pub const PACED_SECONDS: i64 = 900;
const WAYS: usize = 8;
const SETS: usize = 512;
/// Slow passes at once: 64 KiB.
pub const PACED_MAX: usize = WAYS * SETS;

#[derive(Debug, Clone, Copy, Default)]
struct Pass {
    id: u64,
    until: i64,
}

#[derive(Debug)]
pub(crate) struct Paced {
    key: [u8; 16],
    passes: Mutex<Box<[Pass]>>,
}

impl Paced {
    /// An empty table.
    pub(crate) fn new(random: &dyn Random) -> Self {
        Self { key: random.bytes(), passes: Mutex::new(vec![Pass::default(); PACED_MAX].into()) }
    }

    /// Lets a visitor through slowly from now on.
    pub(crate) fn grant(&self, visitor: (SiteId, Prefix, &[u8]), now: Timestamp) {
        let (id, set) = self.place(visitor);
        let mut passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        let set = &mut passes[set..set + WAYS];
        let own = set.iter().position(|pass| pass.id == id);
        let place = own.or_else(|| (0..WAYS).min_by_key(|place| set[*place].until));
        if let Some(pass) = place.and_then(|place| set.get_mut(place)) {
            *pass = Pass { id, until: now.as_secs() + PACED_SECONDS };
        }
    }

    /// Whether a visitor is let through slowly.
    pub(crate) fn holds(&self, visitor: (SiteId, Prefix, &[u8]), now: Timestamp) -> bool {
        let (id, set) = self.place(visitor);
        let passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        passes[set..set + WAYS].iter().any(|pass| pass.id == id && pass.until > now.as_secs())
    }

    fn place(&self, (site, prefix, user_agent): (SiteId, Prefix, &[u8])) -> (u64, usize) {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        (site, prefix, user_agent).hash(&mut hasher);
        let id = hasher.finish();
        (id, (id >> 40) as usize % SETS * WAYS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_pass_is_the_visitors_own_and_ends() {
        let (paced, now) = (Paced::new(&vocabulary::SeededRandom::new(1)), Timestamp::from_secs(1_000));
        let prefix = |last| Prefix::of([192, 0, last, 1].into());
        let site = SiteId::from_bytes([1; 16]);
        paced.grant((site, prefix(2), b"Reader"), now);
        assert!(paced.holds((site, prefix(2), b"Reader"), now));
        assert!(!paced.holds((site, prefix(2), b"Other"), now));
        assert!(!paced.holds((site, prefix(3), b"Reader"), now));
        assert!(!paced.holds((SiteId::from_bytes([2; 16]), prefix(2), b"Reader"), now));
        assert!(!paced.holds((site, prefix(2), b"Reader"), Timestamp::from_secs(1_000 + PACED_SECONDS)));
    }
}
