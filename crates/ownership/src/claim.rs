//! The life of one claim: `Claimed → Proved → Served → Contested | Quarantined → Released`.
//!
//! Transitions consume the claim and give it back in its next state, or as it was with the reason.

use crate::look::{Found, Look, Looked};
use crate::{Challenge, Method, Proof, Verdict};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use vocabulary::{AccountId, Hostname, SiteId, SitePattern, Timestamp};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long a claim waits for its proof.
pub const CLAIM_LASTS: Duration = DAY.saturating_mul(7);
/// How old a proof may be when a name begins to be served.
pub const PROOF_FRESH: Duration = HOUR;
/// How long a served name may be without its proof.
pub const FAILING_MAX: Duration = DAY.saturating_mul(3);
/// How long nobody being able to tell counts as nothing; later it counts as absent.
pub const PROOF_LASTS: Duration = DAY.saturating_mul(30);
/// How long the holder of a contested name has to prove it anew.
pub const CONTEST_LASTS: Duration = DAY.saturating_mul(7);
/// How long after a proof in DNS a name is not contested.
pub const CONTEST_REST: Duration = DAY;
/// How long a name that was let go of or lost passes to nobody else.
pub const QUARANTINE_LASTS: Duration = DAY.saturating_mul(30);
/// The first look at a claim without a proof comes at once, the next after this, and so on twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// And never longer than this.
const CLAIM_PAUSE_MAX: Duration = MINUTE.saturating_mul(30);
/// Between two looks at a name whose proof stands.
const STANDING_PAUSE: Duration = HOUR.saturating_mul(12);

/// One account's claim to one pattern, for one of its sites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    pattern: SitePattern,
    account: AccountId,
    site: SiteId,
    challenge: Challenge,
    state: ClaimState,
    looked: Looked,
}

/// Where a claim stands, with the facts of that state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state", deny_unknown_fields)]
pub enum ClaimState {
    /// Waits for its proof.
    Claimed {
        /// Since when.
        since: Timestamp,
    },
    /// Proved, and not served yet.
    Proved {
        /// How and when.
        proof: Proof,
        /// Since when.
        since: Timestamp,
    },
    /// Served.
    Served {
        /// Since when.
        since: Timestamp,
        /// The last proof.
        proof: Proof,
        /// Since when the proof is not to be seen any more.
        failing_since: Option<Timestamp>,
    },
    /// Served, and another account has proved the same name: the holder has to prove it anew, in DNS.
    Contested {
        /// Since when it is served.
        served_since: Timestamp,
        /// The last proof from before.
        proof: Proof,
        /// Who else proved it.
        by: AccountId,
        /// Since when.
        since: Timestamp,
    },
    /// Not served, and kept from other accounts for a while.
    Quarantined {
        /// Why.
        why: Why,
        /// Until when.
        until: Timestamp,
    },
    /// Over.
    Released {
        /// When.
        at: Timestamp,
    },
}

/// Why a name is in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Its holder let it go; its DNS may still lead here.
    Released,
    /// Its proof was gone for [`FAILING_MAX`].
    Dangling,
    /// Its holder did not prove it anew while it was contested.
    Lost,
}

/// A transition that does not fit, with the claim as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// Unchanged.
    pub claim: Claim,
    /// What was wrong.
    pub why: &'static str,
}

/// The claim in its next state, or as it was.
type Transition = Result<Claim, Box<Unfit>>;

impl Claim {
    pub(crate) fn new(
        (pattern, account, site): (SitePattern, AccountId, SiteId),
        challenge: Challenge,
        now: Timestamp,
    ) -> Self {
        let looked = Looked { last: None, times: 0, next: now };
        Self { pattern, account, site, challenge, state: ClaimState::Claimed { since: now }, looked }
    }

    /// What is claimed.
    pub fn pattern(&self) -> &SitePattern {
        &self.pattern
    }

    /// By whom.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The site that is to answer to it.
    pub fn site(&self) -> SiteId {
        self.site
    }

    /// What proves it.
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// Where it stands.
    pub fn state(&self) -> &ClaimState {
        &self.state
    }

    /// When its proof was and will be looked for.
    pub fn looked(&self) -> &Looked {
        &self.looked
    }

    /// Whether visitors of the name may be served for this account.
    pub fn is_served(&self) -> bool {
        matches!(self.state, ClaimState::Served { .. } | ClaimState::Contested { .. })
    }

    /// Since when it is served, if it is.
    pub fn served_since(&self) -> Option<Timestamp> {
        match self.state {
            ClaimState::Served { since, .. } => Some(since),
            ClaimState::Contested { served_since, .. } => Some(served_since),
            _ => None,
        }
    }

    /// Whether it keeps others from the name.
    pub fn holds(&self) -> bool {
        self.is_served() || matches!(self.state, ClaimState::Quarantined { .. })
    }

    /// Whether nothing of it stands any more.
    pub fn is_over(&self) -> bool {
        matches!(self.state, ClaimState::Released { .. })
    }

    /// How it was proved the last time.
    pub fn method(&self) -> Option<Method> {
        match &self.state {
            ClaimState::Proved { proof, .. }
            | ClaimState::Served { proof, .. }
            | ClaimState::Contested { proof, .. } => Some(proof.method),
            _ => None,
        }
    }

    /// Whether its proof is to be looked for now. What needs no proof is never looked for.
    pub fn is_due(&self, now: Timestamp) -> bool {
        now >= self.looked.next && self.method() != Some(Method::Reserved) && !self.is_over()
    }

    /// Has the proof looked for at once.
    #[must_use]
    pub fn look_now(mut self, now: Timestamp) -> Self {
        self.looked.next = now;
        self
    }

    /// What the proof would be, as [`Challenge::judge`] says it of this claim.
    pub fn judge(&self, operator: &Hostname, observed: &crate::Observed, now: Timestamp) -> Verdict {
        self.challenge.judge(&self.pattern, operator, observed, self.method(), now)
    }

    /// Whether another account that shows this in DNS now has a contest of its name go on.
    pub(crate) fn rivals(&self, now: Timestamp) -> bool {
        matches!(&self.state, ClaimState::Proved { proof, .. }
            if proof.method.is_dns() && now.since(proof.at) <= PROOF_FRESH)
    }

    /// Its account has another of its sites answer to the name. What is served counts as added now, so that it is no
    /// way around a block of that site; what is in quarantine stays there, with something new to prove.
    #[must_use]
    pub(crate) fn moved(mut self, site: SiteId, challenge: Challenge, now: Timestamp) -> Self {
        if self.site != site {
            self.site = site;
            match &mut self.state {
                ClaimState::Served { since, .. } | ClaimState::Contested { served_since: since, .. } => {
                    *since = now;
                }
                ClaimState::Quarantined { .. } => self.challenge = challenge,
                ClaimState::Claimed { .. } | ClaimState::Proved { .. } | ClaimState::Released { .. } => {}
            }
        }
        self.look_now(now)
    }

    fn now_in(self, state: ClaimState) -> Self {
        let changed = std::mem::discriminant(&self.state) != std::mem::discriminant(&state);
        let times = if changed { 0 } else { self.looked.times };
        Self { state, looked: Looked { times, ..self.looked }, ..self }
    }

    fn unfit(self, why: &'static str) -> Transition {
        Err(Box::new(Unfit { claim: self, why }))
    }

    /// The name was proved. A contested claim is its holder's again by a proof in DNS from after the contest began
    /// (a file is shown by whoever is served now, so it says nothing of whose the name has become); one in
    /// quarantine begins anew, for the same account alone.
    pub(crate) fn prove(self, proof: Proof) -> Transition {
        match self.state {
            ClaimState::Claimed { since } if proof.at.since(since) > CLAIM_LASTS => {
                self.unfit("the claim is too old; claim the name again")
            }
            ClaimState::Proved { since, .. } => Ok(self.now_in(ClaimState::Proved { proof, since })),
            ClaimState::Claimed { .. } | ClaimState::Quarantined { .. } => {
                let since = proof.at;
                Ok(self.now_in(ClaimState::Proved { proof, since }))
            }
            ClaimState::Served { since, .. } => {
                Ok(self.now_in(ClaimState::Served { since, proof, failing_since: None }))
            }
            ClaimState::Contested { since, .. } if proof.at < since => {
                self.unfit("the proof is from before the contest")
            }
            ClaimState::Contested { .. } if proof.method == Method::Http => {
                self.unfit("a contested name is proved in DNS")
            }
            ClaimState::Contested { served_since, .. } => {
                Ok(self.now_in(ClaimState::Served { since: served_since, proof, failing_since: None }))
            }
            ClaimState::Released { .. } => self.unfit("the claim is over; claim the name again"),
        }
    }

    /// The name begins to be served. That no other account has it is the register's to know.
    pub(crate) fn serve(self, now: Timestamp) -> Transition {
        match self.state {
            ClaimState::Proved { proof, .. } if now.since(proof.at) <= PROOF_FRESH => {
                Ok(self.now_in(ClaimState::Served { since: now, proof, failing_since: None }))
            }
            ClaimState::Proved { .. } => self.unfit("the proof is too old; prove the name again"),
            ClaimState::Served { .. } | ClaimState::Contested { .. } => Ok(self),
            _ => self.unfit("the name is not proved"),
        }
    }

    /// A look found no proof, or nobody could tell: `gone` says which.
    pub(crate) fn miss(self, gone: bool, now: Timestamp) -> Self {
        match self.state {
            ClaimState::Served { since, proof, failing_since }
                if gone || now.since(proof.at) > PROOF_LASTS =>
            {
                let failing_since = Some(failing_since.unwrap_or(now));
                self.now_in(ClaimState::Served { since, proof, failing_since })
            }
            _ => self,
        }
    }

    /// Whether another account's proof calls it into question: not where it was proved in DNS a short while ago, so
    /// that two who can both prove a name do not shake it all the time.
    pub(crate) fn is_contestable(&self, now: Timestamp) -> bool {
        match &self.state {
            ClaimState::Served { proof, .. } => !proof.method.is_dns() || now.since(proof.at) >= CONTEST_REST,
            _ => false,
        }
    }

    /// Another account has proved the same name.
    pub(crate) fn contest(self, by: AccountId, now: Timestamp) -> Transition {
        match self.state {
            ClaimState::Served { since, proof, .. } => {
                let next = self.now_in(ClaimState::Contested { served_since: since, proof, by, since: now });
                Ok(next.look_now(now))
            }
            ClaimState::Contested { .. } => Ok(self),
            _ => self.unfit("the name is not served"),
        }
    }

    /// Its account lets it go, or its site is gone. The next look is a while away: whoever wants the name back asks.
    pub(crate) fn release(self, now: Timestamp) -> Self {
        let state = match self.state {
            ClaimState::Served { .. } | ClaimState::Contested { .. } => {
                ClaimState::Quarantined { why: Why::Released, until: now.plus(QUARANTINE_LASTS) }
            }
            ClaimState::Claimed { .. } | ClaimState::Proved { .. } => ClaimState::Released { at: now },
            ClaimState::Quarantined { .. } | ClaimState::Released { .. } => self.state.clone(),
        };
        let mut next = self.now_in(state);
        next.looked.next = now.plus(next.pause());
        next
    }

    /// Whether a look from after a deadline has found no proof. Nobody being able to tell says so only once the last
    /// proof is very old. A deadline by itself says nothing: nobody may have been here to look.
    fn found_gone(&self, proof: &Proof, deadline: Timestamp) -> bool {
        self.looked.last.is_some_and(|look| {
            let tells = match look.found {
                Found::Proof => false,
                Found::Nothing => true,
                Found::Unclear => look.at.since(proof.at) > PROOF_LASTS,
            };
            tells && look.at >= deadline
        })
    }

    /// The claim as time has changed it; none where it has not. `rivalled`: whether another account proves the name in
    /// DNS now; a contest that nobody carries on is over. Asked of every claim again and again, so it copies none that
    /// stays.
    pub(crate) fn passed(&self, rivalled: impl FnOnce() -> bool, now: Timestamp) -> Option<Self> {
        let quarantined = |why| ClaimState::Quarantined { why, until: now.plus(QUARANTINE_LASTS) };
        let state = match &self.state {
            ClaimState::Claimed { since } if now.since(*since) > CLAIM_LASTS => {
                ClaimState::Released { at: now }
            }
            ClaimState::Proved { proof, .. } if now.since(proof.at) > CLAIM_LASTS => {
                ClaimState::Released { at: now }
            }
            ClaimState::Served { failing_since: Some(since), proof, .. }
                if self.found_gone(proof, since.plus(FAILING_MAX)) =>
            {
                quarantined(Why::Dangling)
            }
            ClaimState::Contested { served_since, proof, since, .. }
                if now.since(*since) >= CONTEST_LASTS && !rivalled() =>
            {
                ClaimState::Served { since: *served_since, proof: *proof, failing_since: None }
            }
            ClaimState::Contested { since, proof, .. }
                if self.found_gone(proof, since.plus(CONTEST_LASTS)) =>
            {
                quarantined(Why::Lost)
            }
            ClaimState::Quarantined { until, .. } if now >= *until => ClaimState::Released { at: now },
            _ => return None,
        };
        Some(self.clone().now_in(state))
    }

    /// Notes a look and sets the next one. `chance` from 0 to 255 takes up to a quarter off the pause, so that looks
    /// do not come in step.
    pub(crate) fn noted(mut self, found: Found, chance: u8, now: Timestamp) -> Self {
        let pause = self.pause();
        let earlier = pause.mul_f64(f64::from(chance) / 255.0 / 4.0);
        self.looked = Looked {
            last: Some(Look { at: now, found }),
            times: self.looked.times.saturating_add(1),
            next: now.plus(pause.saturating_sub(earlier)),
        };
        self
    }

    fn pause(&self) -> Duration {
        match self.state {
            ClaimState::Claimed { .. } => {
                let doubled = FIRST_PAUSE.saturating_mul(1 << self.looked.times.min(10));
                doubled.min(CLAIM_PAUSE_MAX)
            }
            ClaimState::Served { failing_since: None, .. } | ClaimState::Released { .. } => STANDING_PAUSE,
            // Half of the time for which a proof is good enough to begin with.
            ClaimState::Proved { .. } => CLAIM_PAUSE_MAX,
            ClaimState::Served { .. } | ClaimState::Contested { .. } | ClaimState::Quarantined { .. } => HOUR,
        }
    }
}
