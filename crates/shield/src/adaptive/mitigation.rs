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
/// Nobody is let be for having stayed away: in that time at least so many requests match as a fourth of what came before
/// would have been, and never fewer than these. Else it is tried on until they do, or it is forgotten.
const TRIED_AGAIN_FOURTHS: u64 = 1;
const TRIED_AGAIN_LEAST: u64 = 20;

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
    /// Where it is tried again.
    trial: Option<Trial>,
}

/// What is known when a mitigation is tried again.
#[derive(Debug, Clone, Copy)]
struct Trial {
    /// What had matched before.
    matched: u64,
    /// What of that was stopped.
    stopped: u64,
    /// Requests that the origin must have been asked meanwhile before anything is concluded.
    enough: u64,
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
            trial: None,
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

    /// Begins to try it again.
    fn trial(&self, second: u32) -> Trial {
        let (matched, stopped) = self.counts();
        let each = matched / u64::from(second.saturating_sub(self.began).max(1));
        let enough = each * u64::from(TRIED_AGAIN_SECONDS) * TRIED_AGAIN_FOURTHS / 4;
        Trial { matched, stopped, enough: enough.max(TRIED_AGAIN_LEAST) }
    }

    /// What becomes of it while it is tried again.
    fn tried_again(&mut self, trial: Trial, second: u32) -> Turned {
        let (matched, stopped) = self.counts();
        let (matched, stopped) = (matched - trial.matched, stopped - trial.stopped);
        let is_over = second >= self.since + TRIED_AGAIN_SECONDS && matched >= trial.enough;
        if self.may_be_harmless() && !is_over {
            return Turned::Stays;
        }
        // Where nothing is tried on few first, the origin has seen nothing of it.
        if self.may_be_harmless() && 2 * stopped <= matched {
            return Turned::Harmless;
        }
        self.felt = true;
        self.become_stage(Stage::Challenge, second)
    }

    fn become_stage(&mut self, stage: Stage, second: u32) -> Turned {
        self.stage = stage;
        self.since = second;
        self.trial = None;
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
        if let Some(trial) = self.trial {
            return self.tried_again(trial, second);
        }
        if second >= self.began + TRIED_AGAIN_AFTER && self.may_be_harmless() {
            let turned = self.become_stage(Stage::Canary, second);
            self.trial = Some(self.trial(second));
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
    #[test]
    fn who_stays_away_while_it_is_tried_again_is_not_let_be_for_that() {
        let mut mitigation = found();
        let turns = |mitigation: &mut Mitigation, seconds: std::ops::Range<u32>, matched: u32| {
            let mut turned = Vec::new();
            for second in seconds {
                let turned_away = if mitigation.stage == Stage::Canary { matched / 100 } else { matched };
                mitigation.acted(Tally { matched, turned_away, ..Tally::default() }, second);
                turned.push(mitigation.turn(second, false));
            }
            turned
        };
        turns(&mut mitigation, 1..61, 500);
        assert_eq!(mitigation.stage, Stage::Canary, "it is tried again");
        assert!(turns(&mut mitigation, 61..100, 0).iter().all(|turned| *turned == Turned::Stays));
        assert!(turns(&mut mitigation, 100..104, 10).iter().all(|turned| *turned == Turned::Stays));
        assert!(turns(&mut mitigation, 104..110, 500).contains(&Turned::Harmless), "the origin has seen it");
    }
}
