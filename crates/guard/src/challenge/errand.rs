//! What a visitor's errand under the shield's own paths comes to.

use super::address::Said;
use super::{ChallengePage, Handed, PageKind, Round, Stuck};
use crate::Guard;
use crate::ruling::Asked;
use shield::budgets::Prefix;
use shield::challenge::{ATTEMPTS_MAX, Clearance, Client, Issue, IssueError, Solved};
use shield::rules::ChallengeKind;
use std::sync::PoisonError;

/// What a network's number is made for here.
const PASSED: u8 = 2;
/// When a page leads on that was asked to before its wait was over, in seconds: a whole wait is over by then.
const AGAIN_SECONDS: u32 = 3;

/// A clearance that was just given: the cookie's value, and for how many seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The value.
    pub value: String,
    /// How long it counts.
    pub seconds: u32,
}

/// What an errand comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// An empty style sheet.
    Style(Option<Granted>),
    /// The script that does the work.
    Script,
    /// On to a path of this site.
    Onward {
        /// The path.
        to: String,
        /// What the visitor takes along.
        granted: Option<Granted>,
    },
    /// Another page.
    Page(Box<ChallengePage>),
    /// There is nothing at this address.
    Nothing,
}

impl From<Handed> for Errand {
    fn from(handed: Handed) -> Self {
        match handed {
            Handed::Page(page) => Self::Page(page),
            Handed::ComeAgain(_) => Self::Nothing,
        }
    }
}

impl Guard {
    /// Runs an errand.
    pub(crate) fn errand(&self, asked: &Asked<'_>) -> Errand {
        let Some(said) = Said::read(asked.request.target) else { return Errand::Nothing };
        let round = Round {
            site: asked.watch.site(),
            settings: asked.settings.challenge(),
            request: &asked.request,
            cause: said.cause,
            wanted: said.wanted(),
            now: asked.request.at,
        };
        match said.verb {
            "work.js" => Errand::Script,
            "probe.css" => {
                Errand::Style(self.solve(&round, &said).ok().map(|solved| self.grant(&round, &solved)))
            }
            "pass" => self.pass(asked, &round, said),
            "check" => self.check(&round, said),
            "manual" => self.manual(&round, &said),
            "slow" => self.slow(&round, said),
            _ => Errand::Nothing,
        }
    }

    /// A solution is handed in.
    fn pass(&self, asked: &Asked<'_>, round: &Round<'_>, said: Said<'_>) -> Errand {
        match self.solve(round, &said) {
            Ok(solved) => {
                let granted = self.grant(round, &solved);
                // The first token of its cause comes from a challenge that was counted; later ones are the
                // visitor's to have as many of as it likes.
                if solved.attempt() == 0 {
                    let prefix = Prefix::of(round.request.source.address);
                    let network = self.network_number(round.site, prefix, PASSED);
                    asked.watch.note_passed(said.cause, network);
                }
                let attempt = solved.attempt().saturating_add(1);
                let token = self.offer(round, ChallengeKind::Silent, attempt);
                let to = super::address::Link::new("check", &token, round, &said.to).to_string();
                Errand::Onward { to, granted: Some(granted) }
            }
            Err(IssueError::Early) => Self::early("pass", PageKind::Wait, round, &said),
            // Not the visitor's fault: the process was started anew meanwhile.
            Err(IssueError::Before) => self.anew(round, &said, 0),
            Err(_) => self.anew(round, &said, 1),
        }
    }

    /// The page once more, with the token that came too soon: what was waited so far counts, and who is impatient
    /// climbs no step. It leads on by itself.
    fn early(verb: &'static str, kind: PageKind, round: &Round<'_>, said: &Said<'_>) -> Errand {
        let next = super::address::Link::new(verb, said.token, round, &said.to).to_string();
        Errand::Page(Box::new(ChallengePage { kind, next, after_seconds: AGAIN_SECONDS }))
    }

    /// Whether the cookie has come back.
    fn check(&self, round: &Round<'_>, said: Said<'_>) -> Errand {
        match self.clearance(round.site, round.request, round.now) {
            Some(kind) if kind >= round.wanted => Errand::Onward { to: said.to, granted: None },
            _ => self.anew(round, &said, 0),
        }
    }

    /// On by hand, without the work, from the page that offers it.
    fn manual(&self, round: &Round<'_>, said: &Said<'_>) -> Errand {
        match self.attempt(round, said) {
            Some(ATTEMPTS_MAX..) => {
                let page = self.explanation(&Round { cause: 0, ..*round }, &said.to, Stuck::NoWork);
                Errand::Page(Box::new(page))
            }
            _ => self.explain(round, said),
        }
    }

    /// Slowly on, without a cookie.
    fn slow(&self, round: &Round<'_>, said: Said<'_>) -> Errand {
        match self.solve(round, &said) {
            Ok(solved) if solved.attempt() >= ATTEMPTS_MAX => {
                let agent = round.request.fields.first("user-agent").unwrap_or_default();
                let visitor = (round.site, Prefix::of(round.request.source.address), agent);
                self.paced.grant(visitor, round.now);
                Errand::Onward { to: said.to, granted: None }
            }
            Err(IssueError::Early) => {
                let stuck = Stuck::of(self.attempt(round, &said));
                Self::early("slow", PageKind::Explanation(stuck), round, &said)
            }
            _ => self.explain(round, &said),
        }
    }

    /// Another challenge, so many steps higher than the one whose token came back.
    fn anew(&self, round: &Round<'_>, said: &Said<'_>, steps: u8) -> Errand {
        match self.attempt(round, said) {
            Some(attempt) => self.challenge(round, attempt.saturating_add(steps), &said.to, true).into(),
            None => self.explain(round, said),
        }
    }

    /// The end of the ladder. What the address says of a cause is not passed on: no token may stand for it.
    fn explain(&self, round: &Round<'_>, said: &Said<'_>) -> Errand {
        self.challenge(&Round { cause: 0, ..*round }, ATTEMPTS_MAX, &said.to, true).into()
    }

    fn attempt(&self, round: &Round<'_>, said: &Said<'_>) -> Option<u8> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        round.with_token(|client| Issue::attempt_of(said.token, &keys, client))
    }

    fn solve(&self, round: &Round<'_>, said: &Said<'_>) -> Result<Solved, IssueError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let verify = |client: &Client<'_>| Issue::verify(said.token, said.answer, &keys, client, round.now);
        let verified = round.with_token(verify)?;
        // Held for the table alone: floods of wrong solutions hold up nobody.
        verified.once(&mut self.used.lock().unwrap_or_else(PoisonError::into_inner), round.now)
    }

    fn grant(&self, round: &Round<'_>, solved: &Solved) -> Granted {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let seconds = round.settings.clearance_seconds;
        let grant =
            |client: &Client<'_>| Clearance::grant(solved, seconds, &keys, client, &*self.random, round.now);
        Granted { value: round.with_visitor(grant), seconds }
    }
}
