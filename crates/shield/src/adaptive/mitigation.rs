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

/// After so long a signature that the origin has not felt, and that meets programs which read no pages, is tried again:
/// nobody whom it meets can show to be people, such as the users of an app.
const TRIED_AGAIN_AFTER: u32 = 60;
/// How long it is tried then, in seconds.
const TRIED_AGAIN_SECONDS: u32 = 5;

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
    /// Whether the origin has been in distress since it was found, or was so then.
    felt: bool,
    /// The second in which it was found.
    began: u32,
    /// Where it is tried again: what had matched before, and what of that was stopped.
    before: Option<(u64, u64)>,
}

/// What a second did to a mitigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turned {
    Stays,
    Became(Stage),
    Forgotten,
    /// Too many of those challenged were people.
    Mistaken,
    /// The origin did well with nearly all of it.
    Harmless,
}

impl Mitigation {
    pub(super) fn new(found: Found, distress: bool, second: u32) -> Self {
        Self {
            found,
            stage: Stage::Canary,
            since: second,
            matched_at: second,
            matched: 0,
            challenged: 0,
            turned_away: 0,
            passed: 0,
            felt: distress,
            began: second,
            before: None,
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

    /// What has matched, and what of that was stopped.
    fn counts(&self) -> (u64, u64) {
        (self.matched, u64::from(self.challenged) + u64::from(self.turned_away))
    }

    /// What becomes of it while it is tried again.
    fn tried_again(&mut self, before: (u64, u64), second: u32) -> Turned {
        if self.may_be_harmless() && second < self.since + TRIED_AGAIN_SECONDS {
            return Turned::Stays;
        }
        let (matched, stopped) = self.counts();
        // Where nothing is tried on few first, the origin has seen nothing of it.
        let was_let_through = 2 * (stopped - before.1) <= matched - before.0;
        if self.may_be_harmless() && was_let_through {
            return Turned::Harmless;
        }
        self.felt = true;
        self.become_stage(Stage::Challenge, second)
    }

    fn become_stage(&mut self, stage: Stage, second: u32) -> Turned {
        self.stage = stage;
        self.since = second;
        self.before = None;
        Turned::Became(stage)
    }

    /// What was given to those that match, in pages.
    fn given(&self) -> u32 {
        self.challenged.saturating_add(self.turned_away / TURNED_AWAY_FOR_ONE)
    }

    /// Whether nobody whom it meets could have shown to be people, and the origin has never been in distress by them.
    fn may_be_harmless(&self) -> bool {
        !self.felt && self.turned_away > 0 && self.challenged < JUDGED_AFTER
    }

    /// Moves it on by a second. `distress`: of the origin, now.
    pub(super) fn turn(&mut self, second: u32, distress: bool) -> Turned {
        self.felt |= distress;
        let mistaken = self.challenged >= JUDGED_AFTER
            && u64::from(self.passed) * 100 > u64::from(self.challenged) * u64::from(PASSED_PERCENT_MAX);
        if mistaken {
            return Turned::Mistaken;
        }
        if self.matched_at + FORGOTTEN_AFTER < second {
            return Turned::Forgotten;
        }
        if let Some(before) = self.before {
            return self.tried_again(before, second);
        }
        if second >= self.began + TRIED_AGAIN_AFTER && self.may_be_harmless() {
            let turned = self.become_stage(Stage::Canary, second);
            self.before = Some(self.counts());
            return turned;
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
        self.become_stage(stage, second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adaptive::attributes::Attribute;

    fn found() -> Mitigation {
        let signature = Signature::of([(Attribute::Tls, 1)]);
        Mitigation::new(Found { signature, coverage: 1.0, usual_share: 0.001, lift: 900.0 }, false, 0)
    }

    /// Seconds of a crowd that reads no pages, from one on; the stages it went through and how it ended. `tries`: whether
    /// few are stopped while it is tried.
    fn course(mut mitigation: Mitigation, felt_at: Option<u32>, tries: bool) -> Vec<Turned> {
        let mut course = Vec::new();
        for second in 1..200 {
            let is_tried = tries && mitigation.stage == Stage::Canary;
            let turned_away = if is_tried { 5 } else { 500 };
            mitigation.acted(Tally { matched: 500, turned_away, ..Tally::default() }, second);
            match mitigation.turn(second, felt_at == Some(second)) {
                Turned::Stays => {}
                turned => course.push(turned),
            }
            if course.last() == Some(&Turned::Harmless) {
                break;
            }
        }
        course
    }

    #[test]
    fn programs_that_read_no_pages_are_let_be_where_the_origin_does_well_with_them() {
        use Turned::{Became, Harmless};
        let [tried, challenged, blocked] = [Stage::Canary, Stage::Challenge, Stage::Block].map(Became);
        assert_eq!(course(found(), None, true), [challenged, blocked, tried, Harmless]);
        assert_eq!(course(found(), Some(63), true), [challenged, blocked, tried, challenged, blocked]);
        assert_eq!(course(found(), Some(30), true), [challenged, blocked], "the origin has felt it before");
        assert_eq!(course(found(), None, false), [challenged, blocked, tried, challenged, blocked]);
    }
}
