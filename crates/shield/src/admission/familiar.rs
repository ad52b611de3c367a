//! Networks that a site has served while nobody had to wait: where places run short they go before strangers.
//!
//! One table of fixed size for all sites. A cell is kept by the network that is in it for as long as that comes, so that a
//! crowd of ever new networks pushes nobody out; who finds no cell is a stranger, as everybody was before.

use crate::budgets::Prefix;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use std::sync::atomic::{AtomicU32, Ordering};
use vocabulary::{Random, Timestamp};

/// Cells: 1 MiB of memory.
const CELLS: usize = 1 << 18;
/// Time is kept in steps of so many seconds.
const STEP_SECONDS: i64 = 64;
/// Who has not come for an hour is a stranger again, in steps.
const KEPT_STEPS: u16 = 56;

/// The networks that are known.
#[derive(Debug)]
pub struct Familiar {
    /// 16 bits of the network's hash, never all zero, and the step in which it last came; 0: nobody's.
    cells: Box<[AtomicU32]>,
    key: [u8; 16],
}

impl Familiar {
    /// Nobody is known.
    pub fn new(random: &dyn Random) -> Self {
        Self { cells: (0..CELLS).map(|_| AtomicU32::new(0)).collect(), key: random.bytes() }
    }

    /// Whether a site has served a network within the hour while nobody had to wait.
    pub fn knows(&self, site: &[u8], network: Prefix, now: Timestamp) -> bool {
        let (cell, tag) = self.cell(site, network);
        let held = cell.load(Ordering::Relaxed);
        held >> 16 == tag && is_kept(held, step(now))
    }

    /// A site has served a network, and nobody had to wait.
    pub fn note(&self, site: &[u8], network: Prefix, now: Timestamp) {
        let (cell, tag) = self.cell(site, network);
        let (held, now) = (cell.load(Ordering::Relaxed), step(now));
        let own = (tag << 16) | u32::from(now);
        let is_taken = held >> 16 != tag && held != 0 && is_kept(held, now);
        if held != own && !is_taken {
            cell.store(own, Ordering::Relaxed);
        }
    }

    fn cell(&self, site: &[u8], network: Prefix) -> (&AtomicU32, u32) {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(site);
        hasher.write_u64(network.hash(&self.key));
        let hash = hasher.finish();
        let tag = ((hash >> 48) as u32).max(1);
        (&self.cells[(hash % CELLS as u64) as usize], tag)
    }
}

#[expect(clippy::cast_sign_loss, reason = "the lowest bits are wanted: it goes round after 48 days")]
fn step(now: Timestamp) -> u16 {
    (now.as_secs() / STEP_SECONDS) as u16
}

fn is_kept(held: u32, now: u16) -> bool {
    now.wrapping_sub(held as u16) <= KEPT_STEPS
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::SeededRandom;

    fn network(number: u32) -> Prefix {
        Prefix::of(std::net::Ipv4Addr::from(number << 8).into())
    }

    #[test]
    fn a_network_is_known_for_an_hour_and_no_crowd_pushes_it_out() {
        let (familiar, began) = (Familiar::new(&SeededRandom::new(3)), 1_795_000_000);
        let at = |seconds: i64| Timestamp::from_secs(began + seconds);
        assert!(!familiar.knows(b"site", network(1), at(0)));
        familiar.note(b"site", network(1), at(0));
        for number in 2..2_000_000 {
            familiar.note(b"site", network(number), at(10));
        }
        assert!(familiar.knows(b"site", network(1), at(3_500)));
        assert!(!familiar.knows(b"other", network(1), at(10)), "another site's visitor is a stranger");
        assert!(!familiar.knows(b"site", network(1), at(3_700)));
        familiar.note(b"site", network(1), at(3_500));
        assert!(familiar.knows(b"site", network(1), at(7_000)), "it has come again");
    }
}
