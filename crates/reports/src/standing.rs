//! How the earlier reports of one reporter ended, and what that costs: a word, then a wait between reports.
//!
//! Reporters are known by a keyed digest of what they gave as their address or name; who gives none is nobody here. Whoever
//! says that somebody is in danger is never slowed, whatever came before: that question is not put here at all. What held
//! weighs more than what did not, and after three months without a report everything is forgotten.

use crate::{Outcome, ReportState};
use std::collections::BTreeMap;
use std::time::Duration;
use vocabulary::{Digest, Timestamp};

/// Reports more without than with a basis from which on a reporter is told so.
const WARNED_FROM: u32 = 5;
/// The same, from which on a reporter waits between reports.
const SLOWED_FROM: u32 = 8;
/// What a report that held makes good.
const HELD_WEIGHS: u32 = 3;
/// The first wait; it doubles with each further report without a basis.
const WAIT: Duration = Duration::from_secs(3_600);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3_600);
/// After so long without a report a reporter is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(90 * 24 * 3_600);
/// Most reporters remembered; beyond it the one longest silent is forgotten.
const REPORTERS_MAX: usize = 10_000;

/// What a reporter's standing asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heed {
    /// Nothing.
    None,
    /// To be told that many earlier reports had no basis.
    Warn,
    /// To wait this long before the next report, those of danger apart.
    Wait(Duration),
}

/// The standing of reporters.
#[derive(Debug, Default)]
pub struct Standings {
    reporters: BTreeMap<Digest, Standing>,
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    unfounded: u32,
    held: u32,
    last: Timestamp,
}

impl Standings {
    /// A report came in.
    pub fn filed(&mut self, reporter: Digest, at: Timestamp) {
        let standing = self.of(reporter, at);
        standing.last = standing.last.max(at);
    }

    /// A report ended.
    pub fn ended(&mut self, reporter: Digest, outcome: Outcome, at: Timestamp) {
        let standing = self.of(reporter, at);
        match outcome {
            Outcome::Unfounded => standing.unfounded = standing.unfounded.saturating_add(1),
            Outcome::Actioned | Outcome::Referred => standing.held = standing.held.saturating_add(1),
            // Another report says the same: that one tells whether it held.
            Outcome::Duplicate => {}
        }
    }

    /// A report that was kept before this process began.
    pub fn learn(&mut self, reporter: Digest, received_at: Timestamp, state: ReportState) {
        self.filed(reporter, received_at);
        if let ReportState::Closed { outcome, .. } = state {
            self.ended(reporter, outcome, received_at);
        }
    }

    /// What the next report of a reporter asks for.
    pub fn heed(&self, reporter: &Digest, now: Timestamp) -> Heed {
        let Some(standing) = self.reporters.get(reporter) else { return Heed::None };
        if standing.last.plus(FORGOTTEN_AFTER) <= now {
            return Heed::None;
        }
        let without = standing.unfounded.saturating_sub(standing.held.saturating_mul(HELD_WEIGHS));
        if without < WARNED_FROM {
            return Heed::None;
        }
        let Some(beyond) = without.checked_sub(SLOWED_FROM) else { return Heed::Warn };
        let wait = WAIT.saturating_mul(2u32.saturating_pow(beyond.min(16))).min(WAIT_MAX);
        let due = standing.last.plus(wait);
        if due <= now { Heed::Warn } else { Heed::Wait(due.since(now)) }
    }

    fn of(&mut self, reporter: Digest, at: Timestamp) -> &mut Standing {
        if self.reporters.len() >= REPORTERS_MAX && !self.reporters.contains_key(&reporter) {
            let silent =
                self.reporters.iter().min_by_key(|(_, held)| held.last).map(|(reporter, _)| *reporter);
            silent.map(|silent| self.reporters.remove(&silent));
        }
        let fresh = Standing { unfounded: 0, held: 0, last: at };
        let standing = self.reporters.entry(reporter).or_insert(fresh);
        if standing.last.plus(FORGOTTEN_AFTER) <= at {
            *standing = fresh;
        }
        standing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_secs(1_790_000_000).plus(Duration::from_secs(hours * 3_600))
    }

    fn reporter(number: u8) -> Digest {
        Digest::from_bytes([number; 32])
    }

    fn with(unfounded: u32, held: u32) -> Standings {
        let mut standings = Standings::default();
        standings.filed(reporter(1), at(0));
        for (count, outcome) in [(unfounded, Outcome::Unfounded), (held, Outcome::Actioned)] {
            (0..count).for_each(|_| standings.ended(reporter(1), outcome, at(0)));
        }
        standings
    }

    #[test]
    fn many_without_a_basis_are_told_of_and_then_slowed_longer_each_time() {
        let hour = |count: u64| Duration::from_secs(count * 3_600);
        for (unfounded, held, now, heed) in [
            (4, 0, 0, Heed::None),
            (5, 0, 0, Heed::Warn),
            (8, 0, 0, Heed::Wait(hour(1))),
            (8, 0, 1, Heed::Warn),
            (9, 0, 1, Heed::Wait(hour(1))),
            (30, 0, 0, Heed::Wait(hour(24))),
            (8, 1, 0, Heed::Warn),
            (8, 2, 0, Heed::None),
            (30, 0, 90 * 24, Heed::None),
        ] {
            assert_eq!(with(unfounded, held).heed(&reporter(1), at(now)), heed, "{unfounded} {held} {now}");
        }
        assert_eq!(with(30, 0).heed(&reporter(2), at(0)), Heed::None, "nobody answers for another");
    }

    #[test]
    fn the_table_has_a_bound_and_a_restart_learns_it_again() {
        let mut standings = Standings::default();
        for number in 0..REPORTERS_MAX + 10 {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&(number as u64).to_be_bytes());
            standings.filed(Digest::from_bytes(id), at(number as u64));
        }
        assert_eq!(standings.reporters.len(), REPORTERS_MAX);
        let mut again = Standings::default();
        let closed = ReportState::Closed { outcome: Outcome::Unfounded, at: at(1) };
        (0..5).for_each(|_| again.learn(reporter(1), at(0), closed));
        assert_eq!(again.heed(&reporter(1), at(2)), Heed::Warn);
    }
}
