//! Solutions count once: a table of fixed size of those used in the last minutes.
//!
//! Where a set is full of solutions that are all still valid, the oldest makes room. It could then be
//! used a second time by whoever solved it, which gains one pass for one solution more than the table
//! holds; nothing is refused for want of room.

use super::issue::SOLVE_SECONDS_MAX;
use vocabulary::Timestamp;

const WAYS: usize = 8;
const SETS: usize = 8192;

#[derive(Debug, Clone, Copy, Default)]
struct Used {
    id: u64,
    /// Until when a solution of this id would be accepted, in seconds since 1970; 0 is a free place.
    until: i64,
}

/// The solutions used lately: 65,536 of them in 1 MiB.
#[derive(Debug)]
pub struct SolvedOnce(Box<[Used]>);

impl Default for SolvedOnce {
    fn default() -> Self {
        Self(vec![Used::default(); WAYS * SETS].into())
    }
}

impl SolvedOnce {
    /// The memory taken, in bytes.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// Uses a solution up; false when that was done before. `id` is part of an HMAC, so evenly spread.
    pub(super) fn take(&mut self, id: u64, now: Timestamp) -> bool {
        let now = now.as_secs();
        let set = (id % SETS as u64) as usize * WAYS;
        let set = &mut self.0[set..set + WAYS];
        if set.iter().any(|used| used.id == id && used.until >= now) {
            return false;
        }
        if let Some(oldest) = set.iter_mut().min_by_key(|used| used.until) {
            // Twice the time that a token is valid: its instant may lie ahead by the clocks' difference.
            *oldest = Used { id, until: now + 2 * SOLVE_SECONDS_MAX };
        }
        true
    }
}
