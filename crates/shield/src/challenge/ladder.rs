//! Which challenge a visitor gets, if any: the ladder, as a function of what is known of the visit.
//!
//! Nobody is sent round in a loop, and nothing that is no page gets a page: feeds, interfaces and images
//! are told to come again later.

use crate::rules::ChallengeKind;

/// After so many challenges without a clearance, the visitor gets an explanation and a slow pass.
pub const ATTEMPTS_MAX: u8 = 3;
/// When what is no page is told to come again, in seconds.
const RETRY_SECONDS: u32 = 30;

/// What is known of a request that is to be challenged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// Whether it carries a clearance that holds, and of which kind.
    pub cleared: Option<ChallengeKind>,
    /// Whether a person's browser asks for a page: `Sec-Fetch-Mode: navigate`, or GET with an `Accept`
    /// that names HTML.
    pub is_navigation: bool,
    /// Challenges it was already given, by the token it came back with.
    pub attempts: u8,
    /// What is asked of it at least, by a rule, a mitigation, or the site's switch.
    pub wanted: ChallengeKind,
}

/// What it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It may pass.
    Pass,
    /// A challenge of this kind.
    Challenge(ChallengeKind),
    /// 429, to come again after so many seconds.
    ComeAgain(u32),
    /// A page that explains, and a pass at a limited rate.
    ExplainAndPace,
}

impl Visit {
    /// The next step.
    pub fn step(&self) -> Step {
        if self.cleared.is_some_and(|kind| kind >= self.wanted) {
            return Step::Pass;
        }
        if !self.is_navigation {
            return Step::ComeAgain(RETRY_SECONDS);
        }
        // One step higher each time, from what is wanted: a browser that cannot do one may do the next.
        let kind = match (self.wanted, self.attempts) {
            (_, ATTEMPTS_MAX..) => return Step::ExplainAndPace,
            (ChallengeKind::Silent, 0) => ChallengeKind::Silent,
            (ChallengeKind::Silent | ChallengeKind::Wait, 0 | 1) => ChallengeKind::Wait,
            _ => ChallengeKind::Work,
        };
        Step::Challenge(kind)
    }
}
