//! The life of one mitigation: tried, challenged, blocked; undone or forgotten.

use super::attributes::Attributes;
use super::search::{BLOCK_SHARE_MAX, Found, Signature};

/// Without a match for so long it is forgotten, in seconds.
pub(super) const FORGOTTEN_AFTER: u32 = 60;
/// How long it is tried on one request in a hundred, in seconds.
const CANARY_SECONDS: u32 = 1;
/// How long it is challenged before it may be blocked, in seconds.
const CHALLENGED_SECONDS: u32 = 10;
/// Challenges before it is judged by how many passed.
const JUDGED_AFTER: u32 = 20;
/// Programs that were turned away, since they read no pages, count for so much less than who was given one.
const TURNED_AWAY_FOR_ONE: u32 = 10;
/// The share of challenges passed from which on it is undone, in percent.
const PASSED_PERCENT_MAX: u32 = 20;

/// How far a mitigation has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// One request in a hundred is challenged.
    Canary,
    /// Every request is challenged.
    Challenge,
    /// Every request is blocked.
    Block,
}

/// What is done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Treatment {
    /// Nothing.
    Pass,
    /// A challenge, because of the signature.
    Challenge(Signature),
    /// A block, because of the signature.
    Block(Signature),
}

/// What was done on behalf of a mitigation since it was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Requests that matched.
    pub matched: u32,
    /// Challenges given.
    pub challenged: u32,
    /// Requests of programs that read no pages, told to come again.
    pub turned_away: u32,
    /// Challenges passed.
    pub passed: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Mitigation {
    pub(super) found: Found,
    pub(super) stage: Stage,
    /// The second in which the stage began.
    since: u32,
    matched_at: u32,
    pub(super) matched: u64,
    pub(super) challenged: u32,
    turned_away: u32,
    pub(super) passed: u32,
}

/// What a second did to a mitigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turned {
    Stays,
    Became(Stage),
    Forgotten,
    /// Too many of those challenged were people.
    Mistaken,
}

impl Mitigation {
    pub(super) fn new(found: Found, second: u32) -> Self {
        Self {
            found,
            stage: Stage::Canary,
            since: second,
            matched_at: second,
            matched: 0,
            challenged: 0,
            turned_away: 0,
            passed: 0,
        }
    }

    /// What it does with a request, `None` when it does not match. Those who have passed a challenge pass.
    pub(super) fn treat(
        &mut self,
        row: &Attributes,
        cleared: bool,
        second: u32,
        random: u64,
    ) -> Option<Treatment> {
        if !self.found.signature.matches(row) {
            return None;
        }
        self.matched_at = second;
        self.matched += 1;
        if cleared {
            return Some(Treatment::Pass);
        }
        Some(match self.stage {
            Stage::Canary if !random.is_multiple_of(100) => Treatment::Pass,
            Stage::Canary | Stage::Challenge => {
                self.challenged = self.challenged.saturating_add(1);
                Treatment::Challenge(self.found.signature.clone())
            }
            Stage::Block => Treatment::Block(self.found.signature.clone()),
        })
    }

    /// Notes what was done on its behalf.
    pub(super) fn acted(&mut self, tally: Tally, second: u32) {
        if tally.matched > 0 {
            self.matched_at = second;
        }
        self.matched += u64::from(tally.matched);
        self.challenged = self.challenged.saturating_add(tally.challenged);
        self.turned_away = self.turned_away.saturating_add(tally.turned_away);
        // Nobody passes what was not asked, whatever is said.
        self.passed = self.passed.saturating_add(tally.passed).min(self.challenged);
    }

    /// Notes that one of those challenged has passed.
    pub(super) fn passed(&mut self) {
        self.passed = self.passed.saturating_add(1);
    }

    /// What was given to those that match, in pages.
    fn given(&self) -> u32 {
        self.challenged.saturating_add(self.turned_away / TURNED_AWAY_FOR_ONE)
    }

    pub(super) fn turn(&mut self, second: u32) -> Turned {
        let mistaken = self.challenged >= JUDGED_AFTER
            && u64::from(self.passed) * 100 > u64::from(self.challenged) * u64::from(PASSED_PERCENT_MAX);
        if mistaken {
            return Turned::Mistaken;
        }
        if self.matched_at + FORGOTTEN_AFTER < second {
            return Turned::Forgotten;
        }
        let stage = match self.stage {
            Stage::Canary if second >= self.since + CANARY_SECONDS => Stage::Challenge,
            Stage::Challenge
                if second >= self.since + CHALLENGED_SECONDS
                    && self.found.usual_share <= BLOCK_SHARE_MAX
                    && self.given() >= JUDGED_AFTER
                    // Nearly nobody passes: those are no people.
                    && self.passed.saturating_mul(50) < self.given() =>
            {
                Stage::Block
            }
            _ => return Turned::Stays,
        };
        self.stage = stage;
        self.since = second;
        Turned::Became(stage)
    }
}
