//! Solutions count once: a table of fixed size of those used in the last minutes.
//!
//! Where a set is full of solutions that are all still valid, the oldest makes room. It could then be
//! used a second time by whoever solved it, which gains one pass for one solution more than the table
//! holds; nothing is refused for want of room. What was used before the table began it cannot know, so
//! that nothing issued before that counts.

use super::issue::{IssueError, SOLVE_SECONDS_MAX};
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
pub struct SolvedOnce {
    used: Box<[Used]>,
    /// When it began, in seconds since 1970.
    since: i64,
}

impl SolvedOnce {
    /// A table that knows what is used from now on.
    pub fn since(now: Timestamp) -> Self {
        Self { used: vec![Used::default(); WAYS * SETS].into(), since: now.as_secs() }
    }

    /// The memory taken, in bytes.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.used)
    }

    /// Uses a solution up of what was issued at `issued` (seconds since 1970). `id` is part of an HMAC, so evenly spread.
    pub(super) fn take(&mut self, id: u64, issued: i64, now: Timestamp) -> Result<(), IssueError> {
        let now = now.as_secs();
        // A clock that is set back is not to bar everybody until it has caught up.
        self.since = self.since.min(now);
        if issued < self.since {
            return Err(IssueError::Before);
        }
        let set = (id % SETS as u64) as usize * WAYS;
        let set = &mut self.used[set..set + WAYS];
        if set.iter().any(|used| used.id == id && used.until >= now) {
            return Err(IssueError::Used);
        }
        if let Some(oldest) = set.iter_mut().min_by_key(|used| used.until) {
            // Twice the time that a token is valid: its instant may lie ahead by the clocks' difference.
            *oldest = Used { id, until: now + 2 * SOLVE_SECONDS_MAX };
        }
        Ok(())
    }
}
