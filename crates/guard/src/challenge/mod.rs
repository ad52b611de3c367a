//! Challenges end to end: what a visitor is handed, and what its errands on the way come to.
//!
//! Owns the addresses under [`PREFIX`], the cookie and the tokens' travels. Must not know how a page looks.
//! Nothing is kept for a visitor: the address that it comes back by says what is to be known.
//!
//! How it goes. A page leads to `pass` (waiting, work) or loads `probe.css` and leads to `check` (silent). `pass`
//! and the probe give the cookie; `check` looks whether it came back. If so the visitor goes on to where it was
//! going; if not it climbs a step. Whoever cannot do the work goes on by hand (`manual`). After the last step an explanation leads to `slow`, and from there on at a
//! limited rate without any cookie.
//!
//! Invariant: every way ends at a page or at the site, in at most [`shield::challenge::ATTEMPTS_MAX`] rounds: a
//! token that is not this visitor's counts as the last of them, so that who changes its address all the time is not
//! sent round either.

mod address;
mod errand;

pub(crate) use address::is_errand;
pub use address::{COOKIE, COOKIE_OVER_TLS, PREFIX, as_value, site_path};
pub use errand::{Errand, Granted};

use crate::Guard;
use crate::program::is_navigation;
use address::Link;
use shield::Request;
use shield::budgets::Prefix;
use shield::challenge::{ATTEMPTS_MAX, Clearance, Client, Issue, Step, Visit};
use shield::rules::ChallengeKind;
use snapshot::ChallengeSettings;
use std::sync::PoisonError;
use vocabulary::{SiteId, Timestamp};

/// A page that a challenged visitor gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengePage {
    /// What it is.
    pub kind: PageKind,
    /// Where it leads by itself, after so many seconds; for work and explanations by the visitor's hand.
    pub next: String,
    /// How long that takes, in seconds.
    pub after_seconds: u32,
}

/// What a challenge's page does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageKind {
    /// Loads a style sheet from this address, which gives the clearance.
    Silent {
        /// The address.
        probe: String,
    },
    /// Waits.
    Wait,
    /// Computes: `next` gets the answer appended.
    Work {
        /// The token.
        token: String,
        /// Leading zero bits.
        difficulty: u8,
        /// Where a visitor goes who cannot compute.
        without: String,
    },
    /// Explains why the visitor cannot be cleared, and offers a slow way on.
    Explanation(Stuck),
}

/// Why a visitor cannot be cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    /// It keeps no cookie, or comes from elsewhere each time.
    NoCookie,
    /// It cannot compute, or would rather not.
    NoWork,
}

impl Stuck {
    /// The attempt that its token is issued for, by which it is known again.
    fn attempt(self) -> u8 {
        match self {
            Self::NoCookie => ATTEMPTS_MAX,
            Self::NoWork => ATTEMPTS_MAX + 1,
        }
    }

    fn of(attempt: Option<u8>) -> Self {
        if attempt == Some(Self::NoWork.attempt()) { Self::NoWork } else { Self::NoCookie }
    }
}

/// What a challenged visitor gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handed {
    /// A page.
    Page(Box<ChallengePage>),
    /// Word to come again after so many seconds: it is no browser that waits for a page.
    ComeAgain(u32),
}

/// What a visitor's challenge is about: its site, what was asked, and why.
#[derive(Clone, Copy)]
pub(crate) struct Round<'a> {
    pub(crate) site: SiteId,
    pub(crate) settings: &'a ChallengeSettings,
    pub(crate) request: &'a Request<'a>,
    /// The number of the signature that asked for it; 0: another reason.
    pub(crate) cause: u64,
    /// What is asked at least.
    pub(crate) wanted: ChallengeKind,
    pub(crate) now: Timestamp,
}

impl Round<'_> {
    /// Whom tokens are bound to: besides the visitor the cause and what is asked, so that an address that says
    /// another one comes with no token at all.
    fn with_token<T>(&self, run: impl FnOnce(&Client<'_>) -> T) -> T {
        let mut name = [0; 25];
        name[..16].copy_from_slice(self.site.as_bytes());
        name[16..24].copy_from_slice(&self.cause.to_be_bytes());
        name[24] = self.wanted as u8;
        self.with_client(&name, run)
    }

    /// Whom clearances are bound to.
    fn with_visitor<T>(&self, run: impl FnOnce(&Client<'_>) -> T) -> T {
        self.with_client(self.site.as_bytes(), run)
    }

    fn with_client<T>(&self, name: &[u8], run: impl FnOnce(&Client<'_>) -> T) -> T {
        run(&Client {
            site: name,
            prefix: Prefix::of(self.request.source.address),
            tls: self.request.tls_fingerprint,
            user_agent: self.request.fields.first("user-agent").unwrap_or_default(),
        })
    }
}

impl Guard {
    /// What a visitor gets who is challenged. `attempts`: challenges it was given before; `to`: where it was going.
    pub(crate) fn challenge(&self, round: &Round<'_>, attempts: u8, to: &str, is_page: bool) -> Handed {
        let is_navigation = is_page || is_navigation(round.request);
        let step = Visit { cleared: None, is_navigation, attempts, wanted: round.wanted }.step();
        match step {
            Step::ComeAgain(seconds) => Handed::ComeAgain(seconds),
            // A clearance that holds is looked at before anybody is challenged.
            Step::ExplainAndPace | Step::Pass => {
                Handed::Page(Box::new(self.explanation(round, to, Stuck::NoCookie)))
            }
            Step::Challenge(kind) => Handed::Page(Box::new(self.page(round, kind, attempts, to))),
        }
    }

    fn page(&self, round: &Round<'_>, kind: ChallengeKind, attempt: u8, to: &str) -> ChallengePage {
        let token = self.offer(round, kind, attempt);
        let link = |verb, token: &str| Link::new(verb, token, round, to).to_string();
        // Silent tokens say how often a visitor was here; as solutions they are worth the least.
        let check = |attempt| link("check", &self.offer(round, ChallengeKind::Silent, attempt));
        let next_attempt = attempt.saturating_add(1);
        match kind {
            ChallengeKind::Silent => ChallengePage {
                kind: PageKind::Silent { probe: link("probe.css", &token) },
                next: check(next_attempt),
                after_seconds: 1,
            },
            ChallengeKind::Wait => {
                ChallengePage { kind: PageKind::Wait, next: link("pass", &token), after_seconds: 4 }
            }
            ChallengeKind::Work => {
                let next = link("pass", &token);
                let by_hand = self.offer(round, ChallengeKind::Silent, ATTEMPTS_MAX);
                let without = link("manual", &by_hand);
                let difficulty = round.settings.difficulty;
                ChallengePage { kind: PageKind::Work { token, difficulty, without }, next, after_seconds: 0 }
            }
        }
    }

    fn explanation(&self, round: &Round<'_>, to: &str, stuck: Stuck) -> ChallengePage {
        let token = self.offer(round, ChallengeKind::Wait, stuck.attempt());
        let next = Link::new("slow", &token, round, to).to_string();
        ChallengePage { kind: PageKind::Explanation(stuck), next, after_seconds: 0 }
    }

    fn offer(&self, round: &Round<'_>, kind: ChallengeKind, attempt: u8) -> String {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let issue = Issue { kind, difficulty: round.settings.difficulty, attempt };
        let offer = |client: &Client<'_>| issue.offer(&keys, client, &*self.random, round.now);
        round.with_token(offer).token
    }

    /// The clearance that a visitor carries, where it holds.
    pub(crate) fn clearance(
        &self,
        site: SiteId,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Option<ChallengeKind> {
        let settings = ChallengeSettings::default();
        let round =
            Round { site, settings: &settings, request, cause: 0, wanted: ChallengeKind::Silent, now };
        let mut best = None;
        address::clearances_in(request, &mut |cookie| {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            let open = |client: &Client<'_>| Clearance::open(cookie, &keys, client, now);
            best = best.max(round.with_visitor(open).ok().map(|clearance| clearance.kind()));
        });
        best
    }
}
